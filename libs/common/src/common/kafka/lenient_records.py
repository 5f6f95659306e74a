"""Keeps a record or batch that cannot be read from costing others that can.

aiokafka 0.14 demands UTF-8 of header names, and looks at checksums, while it hands out a poll. What
it raises there ends the poll: what that had got from other partitions is gone, their positions have
moved past it, and the next commit loses it. And a partition with one such name is read no further
for ever.
"""

import struct
from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from typing_extensions import override

_HEAD = struct.Struct(">qi")  # of a batch: its first offset, and how many bytes follow
_MAGIC_AT, _MAGIC = 16, 2

_hand_out: Any = Fetcher.fetched_records


def read_leniently() -> None:
    """Have every consumer of this process read so; harmless when it is so already."""
    fetcher.MemoryRecords = LenientRecords  # type: ignore[attr-defined, assignment]
    Fetcher.fetched_records = _all_or_nothing  # type: ignore[method-assign]


async def _all_or_nothing(self: Any, *args: Any, **options: Any) -> Any:
    """One poll. When it raises, the positions are those it began with, and all comes again."""
    before = self._subscriptions.subscription
    assignment = before.assignment if before is not None else None
    states = [assignment.state_value(at) for at in assignment.tps] if assignment else []
    begun = [(state, state.position) for state in states if state.has_valid_position]
    try:
        return await _hand_out(self, *args, **options)
    except Exception:
        for state, position in begun:
            if state.has_valid_position and state.position != position:
                state.seek(position)
        raise


class LenientRecords:
    """What one fetch brought of a partition, as aiokafka's fetcher asks for it."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0
        self._fast: Any = MemoryRecords(raw)

    def size_in_bytes(self) -> int:
        return int(self._fast.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._fast.has_next())

    def next_batch(self) -> "LenientBatch":
        _, length = _HEAD.unpack_from(self._raw, self._at)
        end = self._at + _HEAD.size + length
        raw, self._at = self._raw[self._at : end], end
        return LenientBatch(self._fast.next_batch(), raw)


class LenientBatch:
    """A batch read by aiokafka as usual, and by slower means from the first bad name on."""

    def __init__(self, fast: Any, raw: bytes) -> None:
        self._fast, self._raw = fast, raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __next__(self) -> Any:
        return next(self._fast)  # of a control batch

    def __iter__(self) -> Iterator[Any]:
        last = -1
        try:
            for record in self._fast:
                last = record.offset
                yield record
        except (UnicodeDecodeError, CorruptRecordException):
            if self._raw[_MAGIC_AT] < _MAGIC:
                raise
            yield from (record for record in _AnyNames(self._raw) if record.offset > last)


class _AnyNames(_DefaultRecordBatchPy):  # type: ignore[misc]  # final for those who check only
    """aiokafka's own reader in Python, on bytes that become text whatever they are."""

    @override
    def _read_msg(self, *more: Any) -> Any:
        if not isinstance(self._buffer, _Buffer):
            self._buffer = _Buffer(self._buffer)
        return super()._read_msg(*more)


class _Text(bytes):
    @override
    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Buffer(bytearray):
    @override
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _Text(found) if isinstance(at, slice) else found
