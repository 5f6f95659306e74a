"""Begin a person's stream where it was left, or with all that is unfinished."""

from dataclasses import dataclass

from upload_gateway.domain.telling import Standing
from upload_gateway.ports.telling import Feed, Listener

UNFINISHED = 100  # uploads that a stream begins with


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a stream says first. `missed`: entries are gone that its reader has not seen."""

    standing: Standing
    missed: bool


@dataclass(frozen=True, slots=True)
class FollowUploads:
    """Who comes back with the number of an entry that is kept hears what followed it."""

    feed: Feed

    async def __call__(self, listener: Listener, seen: int | None) -> Beginning | None:
        """None when nothing was missed, so that the stream just goes on; raises Unavailable.

        A number that was never given belongs to another life of the ledger.
        """
        standing = await self.feed.standing(listener.user_id, UNFINISHED)
        if seen is not None and standing.floor <= seen <= standing.last:
            listener.begin(seen)
            return None
        listener.begin(standing.last)
        return Beginning(standing, missed=seen is not None)
