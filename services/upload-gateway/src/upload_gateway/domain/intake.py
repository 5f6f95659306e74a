"""What one request brings: its digests, and what waits until its checksum is known to match."""

from dataclasses import dataclass, field

from upload_gateway.domain.checksum import BodyChecksum, RunningDigest, crc32c
from upload_gateway.domain.upload import Part, Segment


@dataclass(slots=True)
class Intake:
    """`running` is the file's digest if it is unbroken, `checksum` the one of this body, if any.

    Under a checksum nothing counts before the body ended: `parts` are those that the store has and
    no row knows yet, `staged` such segments, `emptied` the segments that parts were built from.
    """

    running: RunningDigest | None
    checksum: BodyChecksum | None = None
    parts: list[Part] = field(default_factory=list)
    staged: list[Segment] = field(default_factory=list)
    emptied: list[Segment] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether rows must wait for the end of the body."""
        return self.checksum is not None

    def take(self, fresh: memoryview) -> None:
        """The bytes that follow; may run in a thread, one call at a time."""
        for digest in (self.running, self.checksum):
            if digest is not None:
                digest.update(fresh)

    def take_part(self, part: memoryview, head: int) -> int:
        """A whole part, new from `head` on; its own checksum. May run in a thread."""
        self.take(part[head:])
        return crc32c(part)
