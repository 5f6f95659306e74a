"""Order among the writers of this process: the newer one wins, the older one is cut."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from common.ids import UploadId
from upload_gateway.domain.errors import Superseded, UploadBusy
from upload_gateway.ports.body import BodyCut, CutReason

_RESOLUTION = (
    1 / 30
)  # of the stall timeout; moving the deadline for each chunk would cost more than the copy


@dataclass(frozen=True, slots=True)
class Slowest:
    """The slowest client that is borne with: `rate` bytes a second, measured over `window` seconds.

    A rate of 0 bears with everybody who does not stall.
    """

    rate: float = 0.0
    window: float = 60.0


class _Pace:
    """Bytes and seconds of one request; only time in which it waits for its client counts."""

    def __init__(self, slowest: Slowest) -> None:
        self._slowest = slowest
        self._bytes, self._waited, self._since = 0, 0.0, 0.0

    def begin(self, now: float) -> None:
        self._since = now

    def pause(self, now: float) -> None:
        self._waited += now - self._since

    def too_slow(self, count: int, now: float) -> bool:
        """Whether a window has passed with too few bytes; each window is judged alone."""
        self._bytes += count
        waited = self._waited + now - self._since
        if waited < self._slowest.window:
            return False
        slow = self._bytes < self._slowest.rate * waited
        self._bytes, self._waited, self._since = 0, 0.0, now
        return slow


class AsyncioWriter:
    """One request's hold on an upload. Cutting it moves the deadline of its read to now."""

    def __init__(self, generation: int, stall: float, slowest: Slowest) -> None:
        self.generation = generation
        self.ended = asyncio.Event()
        self._stall, self._pace = stall, _Pace(slowest)
        self._seen = 0.0
        self._reason: CutReason | None = None
        self._scope: asyncio.Timeout | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        if (reason := self._why()) is not None:
            raise BodyCut(reason)
        self._seen = _now()
        self._pace.begin(self._seen)
        try:
            async with asyncio.timeout(self._stall) as self._scope:
                yield
        except TimeoutError:
            raise BodyCut(self._why() or "stalled") from None
        finally:
            self._scope = None
            self._pace.pause(_now())

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        if (reason := self._why()) is not None:
            raise BodyCut(reason)
        try:
            async with asyncio.timeout(None) as self._scope:
                yield
        except TimeoutError:  # only a cut sets a deadline here
            raise BodyCut(self._why() or "stalled") from None
        finally:
            self._scope = None

    def progressed(self, count: int) -> None:
        now = _now()
        if self._pace.too_slow(count, now):
            self.cut("too_slow")
        if now - self._seen > self._stall * _RESOLUTION and self._reason is None:
            self._seen = now
            self._reschedule(now + self._stall)

    def cut(self, reason: CutReason) -> None:
        if self._reason is None:
            self._reason = reason
            self._reschedule(_now())

    def _why(self) -> CutReason | None:
        return self._reason

    def _reschedule(self, when: float) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(when)


class AsyncioWriters:
    """`stall` is how long a client may send nothing, `patience` how long a cut writer may save.

    Both in seconds.
    """

    def __init__(
        self, *, stall: float, patience: float = 5.0, slowest: Slowest | None = None
    ) -> None:
        self._current: dict[UploadId, AsyncioWriter] = {}
        self._attending: set[AsyncioWriter] = set()
        self._stall, self._patience = stall, patience
        self._slowest = slowest or Slowest()
        self._stopping = False

    @asynccontextmanager
    async def writing(self, upload_id: UploadId, generation: int) -> AsyncIterator[AsyncioWriter]:
        older = self._current.get(upload_id)
        if older is not None and older.generation > generation:
            raise Superseded
        writer = AsyncioWriter(generation, self._stall, self._slowest)
        if self._stopping:
            writer.cut("stopping")
        self._current[upload_id] = writer
        try:
            await self._end(older, "superseded")
            yield writer
        finally:
            writer.ended.set()
            if self._current.get(upload_id) is writer:
                self._leave(upload_id, older)

    @contextmanager
    def attending(self) -> Iterator[AsyncioWriter]:
        writer = AsyncioWriter(0, self._stall, self._slowest)
        if self._stopping:
            writer.cut("stopping")
        self._attending.add(writer)
        try:
            yield writer
        finally:
            self._attending.discard(writer)

    def _leave(self, upload_id: UploadId, older: AsyncioWriter | None) -> None:
        """An older writer that did not end in time is still there to be waited for."""
        if older is None or older.ended.is_set():
            del self._current[upload_id]
        else:
            self._current[upload_id] = older

    @property
    def active(self) -> Collection[UploadId]:
        """Uploads that a request of this process writes to."""
        return self._current.keys()

    def held(self) -> dict[UploadId, int]:
        return {upload_id: writer.generation for upload_id, writer in self._current.items()}

    def cut(self, upload_id: UploadId, generation: int, reason: CutReason) -> None:
        writer = self._current.get(upload_id)
        if writer is not None and writer.generation == generation:
            writer.cut(reason)

    async def settle(self, upload_id: UploadId, reason: CutReason) -> None:
        await self._end(self._current.get(upload_id), reason)

    def stop(self) -> None:
        """The process is about to end: cut all writers, and those that are just beginning."""
        self._stopping = True
        for writer in (*self._current.values(), *self._attending):
            writer.cut("stopping")

    async def _end(self, writer: AsyncioWriter | None, reason: CutReason) -> None:
        if writer is None:
            return
        writer.cut(reason)
        try:
            async with asyncio.timeout(self._patience):
                await writer.ended.wait()
        except TimeoutError:
            raise UploadBusy(
                "an older request on this upload does not end", retry_after=2
            ) from None


def _now() -> float:
    return asyncio.get_running_loop().time()
