"""Tell a client before its first upload what it may send, how much, and by which ways."""

from dataclasses import dataclass

from common.events import MediaKind
from upload_gateway.domain.formats import Format
from upload_gateway.domain.kinds import KINDS, RULES, Role
from upload_gateway.domain.limits import Limits, Sizes
from upload_gateway.domain.ways_in import Presigned, presigned_ways
from upload_gateway.ports.store import Capabilities


@dataclass(frozen=True, slots=True)
class OfferedKind:
    """A kind that the caller may upload."""

    kind: MediaKind
    max_size: int
    formats: frozenset[Format]


@dataclass(frozen=True, slots=True)
class UploadOffer:
    """What holds for one caller; `expiry` is seconds without progress.

    `form_files` is how many files one form may bring, None for who may send no form. `accept_any`:
    files of every type are taken, and the formats of a kind are those that get a type.
    """

    kinds: tuple[OfferedKind, ...]
    limits: Limits
    per_minute: int
    part_size: int
    expiry: int
    presigned: Presigned
    url_seconds: int
    form_files: int | None
    accept_any: bool


@dataclass(frozen=True, slots=True)
class DescribeConfig:
    """The limits are those of admission; the ways are those that the store was probed for."""

    capabilities: Capabilities
    sizes: Sizes
    limits: Limits
    per_minute: int
    part_size: int
    expiry: int
    url_seconds: int
    form_files: int
    accept_any: bool

    async def __call__(self, role: Role) -> UploadOffer:
        """Raises Unavailable when the capabilities cannot be read."""
        kinds = tuple(
            OfferedKind(kind, self.sizes.of(kind), RULES[kind].formats)
            for kind in KINDS
            if role in RULES[kind].roles
        )
        return UploadOffer(
            kinds,
            self.limits,
            self.per_minute,
            self.part_size,
            self.expiry,
            presigned_ways(await self.capabilities.offered()),
            self.url_seconds,
            self.form_files if role == "admin" else None,
            self.accept_any,
        )
