"""Read for all listeners of this process at once what their streams have not said yet."""

from dataclasses import dataclass

from upload_gateway.ports.telling import Feed, Listeners

ENOUGH = 100  # entries that one listener gets at once


@dataclass(frozen=True, slots=True)
class FeedListeners:
    """One look for all; without listeners it asks nobody anything."""

    feed: Feed
    listeners: Listeners

    async def __call__(self) -> None:
        """Raises Unavailable; the next look reads on from where each listener stands."""
        waiting = self.listeners.waiting()
        if not waiting:
            return
        cursors = [(listener.user_id, listener.after) for listener in waiting]
        for listener, news in zip(waiting, await self.feed.news(cursors, ENOUGH), strict=True):
            listener.take(news)
