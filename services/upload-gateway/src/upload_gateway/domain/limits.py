"""How much one person, and all together, may have open at once; pure."""

from dataclasses import dataclass
from typing import Literal

from common.events import MediaKind
from common.ids import UserId
from upload_gateway.domain.errors import BytesInFlightExceeded, QuotaExceeded, TooManyUploads
from upload_gateway.domain.kinds import RULES

# seconds: a slot may be free a moment later; an upload that stays open takes longer to end
SOON, LATER = 5, 60
# the largest request body that common proxies and tunnels let pass, in bytes
ADVISED_BODY = 95_000_000

Whose = Literal["per_user", "total"]


@dataclass(frozen=True, slots=True)
class Asking:
    """A new upload before it is admitted; `declared` is None while its length is not known."""

    user_id: UserId
    declared: int | None


@dataclass(frozen=True, slots=True)
class Open:
    """What is open now: `moving` uploads hold a lease, `bytes` are declared, or arrived so far."""

    moving: int
    uploads: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most there may be of each part of `Open`."""

    moving: int
    uploads: int
    bytes: int

    def admit(self, now: Open, declared: int | None, whose: Whose) -> None:
        """Raises TooManyUploads or BytesInFlightExceeded, which say the limit and its value."""
        if now.moving >= self.moving:
            raise TooManyUploads("concurrent_uploads", whose, self.moving, SOON)
        if now.uploads >= self.uploads:
            raise TooManyUploads("open_uploads", whose, self.uploads, LATER)
        self.take(now, declared or 0, whose)

    def take(self, now: Open, more: int, whose: Whose) -> None:
        """Raises BytesInFlightExceeded when `more` bytes do not fit beside what is open."""
        if now.bytes + more > self.bytes:
            later = LATER if more <= self.bytes else None
            raise BytesInFlightExceeded("open_bytes", whose, self.bytes, later)


@dataclass(frozen=True, slots=True)
class Limits:
    """`stored` is the quota of kept and open bytes of one person, None where there is none."""

    person: Ceiling
    total: Ceiling
    stored: int | None = None

    def require_quota(self, taken: int, more: int) -> None:
        """Raises QuotaExceeded when `more` bytes do not fit beside what is kept and open."""
        if self.stored is not None and taken + more > self.stored:
            raise QuotaExceeded("stored_bytes", "per_user", self.stored)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes one file may have: the general limit, and narrower ones of some kinds."""

    general: int
    narrower: tuple[tuple[MediaKind, int], ...] = ()

    def of(self, kind: MediaKind) -> int:
        """The limit of a kind: what is set for it, else what its rules say; never over general."""
        own = dict(self.narrower).get(kind, RULES[kind].max_size)
        return self.general if own is None else min(own, self.general)


def advised_chunk(part_size: int) -> int:
    """Whole parts, as many as fit in a body that passes everywhere: no tail has to be staged."""
    return part_size * max(1, ADVISED_BODY // part_size)
