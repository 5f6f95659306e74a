"""multipart/byteranges: the framing around several ranges, its length known in advance."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common.ids import new_object_id
from delivery.domain.byte_range import ByteRange


@dataclass(frozen=True, slots=True)
class Multipart:
    """The parts in order; the boundary is random, so that no file can contain it on purpose."""

    ranges: Sequence[ByteRange]
    size: int
    part_type: str
    boundary: str

    @property
    def content_type(self) -> str:
        """The value of Content-Type for the whole answer."""
        return f"multipart/byteranges; boundary={self.boundary}"

    @property
    def length(self) -> int:
        """Content-Length of the whole answer."""
        framing = sum(len(before) for before, _ in self.parts()) + len(self.end)
        return framing + sum(each.length for each in self.ranges)

    @property
    def end(self) -> bytes:
        """What closes the body."""
        return f"\r\n--{self.boundary}--\r\n".encode()

    def parts(self) -> Iterator[tuple[bytes, ByteRange]]:
        """What precedes the bytes of each range, and the range."""
        for number, each in enumerate(self.ranges):
            line = "" if number == 0 else "\r\n"
            head = (
                f"{line}--{self.boundary}\r\nContent-Type: {self.part_type}\r\n"
                f"Content-Range: {each.content_range(self.size)}\r\n\r\n"
            )
            yield head.encode(), each


def new_boundary() -> str:
    """128 random bits."""
    return new_object_id() + new_object_id()
