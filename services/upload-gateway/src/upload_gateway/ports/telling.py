"""What owners are told, and who listens."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from common.ids import UserId
from upload_gateway.domain.telling import News, Standing


class Feed(Protocol):
    """What owners are told, read by whoever tells them; each answer is of one moment.

    Every method raises Unavailable.
    """

    async def standing(self, user_id: UserId, limit: int) -> Standing:
        """Where the person's stream stands, with at most `limit` unfinished uploads."""
        ...

    async def news(self, cursors: Sequence[tuple[UserId, int]], limit: int) -> list[News]:
        """For each listener what came after its number, in order, at most `limit` entries each."""
        ...

    async def forget(self, before: datetime) -> int:
        """Drop entries told before that, a bounded number of them; how many went."""
        ...


class Listener(Protocol):
    """One open stream of a person."""

    @property
    def user_id(self) -> UserId: ...

    @property
    def after(self) -> int:
        """The number of the last entry that was taken."""
        ...

    def begin(self, after: int) -> None:
        """Listen from behind this number; before that nothing is handed over."""
        ...

    def take(self, news: News) -> None:
        """Keep it for the stream's reader; give it only to one that waits."""
        ...

    async def heard(self, patience: float) -> News | None:
        """What came, None when nothing did in so many seconds; raises StreamOver."""
        ...

    def end(self) -> None:
        """Its reader gets StreamOver, at once."""
        ...


class Listeners(Protocol):
    """The open streams of this process: a bounded number, each with a bounded queue."""

    def open(self, user_id: UserId) -> AbstractAsyncContextManager[Listener]:
        """Take a place; raises TooManyStreams, or Unavailable while the process ends."""
        ...

    def waiting(self) -> Sequence[Listener]:
        """Those that began and have room: who reads slowly is asked later, and misses nothing."""
        ...
