"""The open event streams of this process, and the little that each may have unsent."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from common.errors import Unavailable
from common.ids import UserId
from upload_gateway.domain.errors import StreamOver, TooManyStreams
from upload_gateway.domain.telling import News


class MemoryListener:
    """Holds what was read for it once; more is read when that has been sent.

    A slow reader so costs one answer of the database and nothing else, and misses nothing.
    """

    def __init__(self, user_id: UserId) -> None:
        self.user_id = user_id
        self.after = 0
        self.begun = self._over = False
        self._news: News | None = None
        self._changed = asyncio.Event()

    @property
    def waits(self) -> bool:
        """Whether it can take more."""
        return self.begun and not self._over and self._news is None

    def begin(self, after: int) -> None:
        self.after, self.begun = after, True

    def take(self, news: News) -> None:
        if news.told or news.moving:
            self.after = news.told[-1].number if news.told else self.after
            self._news = news
            self._changed.set()

    async def heard(self, patience: float) -> News | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._changed.wait()
        if self._over:
            raise StreamOver
        self._changed.clear()
        news, self._news = self._news, None
        return news

    def end(self) -> None:
        self._over = True
        self._changed.set()


class MemoryStreams:
    """Listeners of one process. `per_person` and `total` bound how many there are."""

    def __init__(self, per_person: int, total: int) -> None:
        self._per_person, self._total = per_person, total
        self._open: set[MemoryListener] = set()
        self._people: Counter[UserId] = Counter()
        self._ended = False

    @property
    def count(self) -> int:
        """How many streams are open."""
        return len(self._open)

    @asynccontextmanager
    async def open(self, user_id: UserId) -> AsyncIterator[MemoryListener]:
        if self._ended:
            raise Unavailable("the process ends", code="stopping", retry_after=1)
        if self._people[user_id] >= self._per_person:
            raise TooManyStreams("per_user", self._per_person)
        if len(self._open) >= self._total:
            raise TooManyStreams("total", self._total)
        listener = MemoryListener(user_id)
        self._open.add(listener)
        self._people[user_id] += 1
        try:
            yield listener
        finally:
            self._open.remove(listener)
            self._people[user_id] -= 1
            if not self._people[user_id]:
                del self._people[user_id]

    def waiting(self) -> list[MemoryListener]:
        return [listener for listener in self._open if listener.waits]

    def end(self) -> None:
        """All of them, and no new ones: the process drains."""
        self._ended = True
        for listener in self._open:
            listener.end()
