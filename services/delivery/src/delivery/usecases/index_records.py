"""Keeps the index true to the log: apply, note the position, start over in another log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from common.clock import Clock
from delivery.domain.media import Change
from delivery.ports import IndexWriter

# tombstones live 30 days (design §3): a reader away for longer may have missed some for good
LONGEST_ABSENCE = timedelta(days=29)


@dataclass(slots=True)
class _Watermarks:
    """The last watermark heard, and the last before the latest look at the state topic's end."""

    heard: tuple[datetime, int] | None = None
    before_last_look: tuple[datetime, int] | None = None


@dataclass(frozen=True, slots=True)
class IndexRecords:
    """Called by the one reader of this node."""

    writer: IndexWriter
    clock: Clock
    _watermarks: _Watermarks = field(default_factory=_Watermarks)

    async def start(self, epoch: UUID) -> int:
        """The offset to read from, given the epoch that the log begins with."""
        known, now = self.writer.progress(), self.clock.now()
        away_too_long = known.heard_at is not None and now - known.heard_at > LONGEST_ABSENCE
        if known.epoch != epoch or away_too_long:
            await self.writer.begin_fill(epoch, now)
        return self.writer.progress().offset

    async def start_over(self, epoch: UUID) -> None:
        """The position is not in the log any more."""
        await self.writer.begin_fill(epoch, self.clock.now())

    async def __call__(
        self, changes: Sequence[Change], *, next_offset: int, caught_up: bool
    ) -> int:
        """Apply one batch; returns how many changes counted."""
        counted = await self._apply(changes, next_offset, caught_up=caught_up)
        if caught_up:
            await self._reached_the_end()
        self._watermarks.before_last_look = self._watermarks.heard
        return counted

    def hear(self, fresh_until: datetime, next_offset: int) -> None:
        """The catalog's watermark came by; it counts once the state is read to its end."""
        self._watermarks.heard = (fresh_until, next_offset)

    async def _apply(self, changes: Sequence[Change], next_offset: int, *, caught_up: bool) -> int:
        known, now = self.writer.progress(), self.clock.now()
        quiet = not changes and next_offset == known.offset
        if quiet and known.heard_at and now - known.heard_at < timedelta(minutes=1):
            return 0  # nothing to write down, twice a second
        # on the way to the end the absence goes on: the tombstones ahead of us are no younger for
        # what was read before them
        heard_at = now if caught_up or known.heard_at is None else known.heard_at
        return await self.writer.apply(changes, next_offset, heard_at)

    async def _reached_the_end(self) -> None:
        if not self.writer.progress().loaded:
            await self.writer.finish_fill()
        if mark := self._watermarks.before_last_look:
            await self.writer.note_watermark(*mark)
            if self._watermarks.heard == mark:
                self._watermarks.heard = None
