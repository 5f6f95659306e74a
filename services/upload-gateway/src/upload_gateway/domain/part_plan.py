"""Offset to part and tail: all parts are of one constant size but the last (storage.md 2)."""

from dataclasses import dataclass

MAX_PARTS = 10_000  # of one multipart upload, in every S3


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How `length` bytes lie in parts of `part_size`, numbered from 1. Zero bytes have no part."""

    length: int
    part_size: int

    @property
    def count(self) -> int:
        return -(-self.length // self.part_size)

    def number_at(self, offset: int) -> int:
        """The part that the byte at `offset` belongs to."""
        return offset // self.part_size + 1

    def start_of(self, number: int) -> int:
        """Offset of a part's first byte."""
        return (number - 1) * self.part_size

    def end_of(self, number: int) -> int:
        """Offset behind a part's last byte."""
        return min(number * self.part_size, self.length)

    def size_of(self, number: int) -> int:
        """Bytes of a part."""
        return self.end_of(number) - self.start_of(number)
