"""The upload as a state machine with an offset; every change is a new value."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from common.events import MediaKind
from common.ids import AssetId, ObjectKey, UploadId, UserId
from upload_gateway.domain.acceptance import Reason, likely_type
from upload_gateway.domain.errors import (
    FinalUpload,
    LengthMismatch,
    OffsetMismatch,
    OverLimit,
    PastLength,
    Superseded,
    UploadGone,
    UploadNotFound,
)
from upload_gateway.domain.formats import NAMINGS, Format, extension_of
from upload_gateway.domain.part_plan import PartPlan

State = Literal[
    "created", "receiving", "verifying", "stored",
    "rejected", "aborted", "expired", "duplicate", "withdrawn",
]  # fmt: skip
RUNNING: frozenset[State] = frozenset({"created", "receiving"})
FORGOTTEN: frozenset[State] = frozenset({"aborted", "expired", "withdrawn"})
# it never reached the catalog: its name was taken back with the fact that says so (ADR 15)
NAMELESS: frozenset[State] = frozenset({"rejected", "aborted", "expired"})
ENDED: frozenset[State] = FORGOTTEN | {"stored", "rejected", "duplicate"}
STRANDED = "verification_failed"  # why an upload stays in `verifying`
Mode = Literal["tus", "form", "put", "multipart"]
# the bytes go past the gateway: nobody but the store sees them arrive
PRESIGNED: frozenset[Mode] = frozenset({"put", "multipart"})


@dataclass(frozen=True, slots=True)
class Part:
    """A part the store has acknowledged, with the ETag it gave, without quotes.

    `crc32c` is of the bytes that were acknowledged; None for what another one wrote.
    """

    number: int
    etag: str
    size: int
    crc32c: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """The tail of one PATCH, staged until its part is whole; it never crosses into another."""

    start: int
    size: int
    key: ObjectKey


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds under the upload's key; the type is the one it was written with."""

    size: int
    etag: str
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """One row of the ledger.

    `offset` is what is committed and never shrinks. `generation` is the fence: each request that
    writes takes the next one, and a commit under an older one is refused. `sequence` counts the
    facts told of the asset, `details_sequence` the records of its name. `metadata` is the client's
    header, echoed and never interpreted again. `length` is None while the client has not said it;
    `max_length` is what it may be at most. `concat` is `Upload-Concat` as sent, `partials` what a
    final upload consists of, in order, `final_id` the final upload that a partial was given to.
    `declared_sha256` is what the client says of the whole file, `sha256` what its bytes say.
    `mode` is its way in; `parent` what its client wants to hang it on, copied into the receipt.
    `signed_urls` of a presigned one were handed out, the last of which ends at `signed_until`;
    what a late use of one leaves behind is looked for at `clear_at`.
    """

    id: UploadId
    asset_id: AssetId
    user_id: UserId
    kind: MediaKind
    key: ObjectKey
    length: int | None
    max_length: int
    part_size: int
    created_at: datetime
    expires_at: datetime
    file_name: str | None = None
    declared_type: str | None = None
    metadata: str = ""
    state: State = "created"
    offset: int = 0
    generation: int = 0
    sequence: int = 0
    details_sequence: int = 0
    multipart_id: str | None = None
    sha256: str | None = None
    size: int | None = None
    etag: str | None = None
    content_type: str | None = None
    reason: str | None = None
    duplicate_of: UUID | None = None
    stored_at: datetime | None = None
    ended_at: datetime | None = None
    cleared: bool = False
    concat: str = ""
    partials: tuple[UploadId, ...] = ()
    final_id: UploadId | None = None
    declared_sha256: str | None = None
    mode: Mode = "tus"
    parent: str | None = None
    signed_urls: int = 0
    signed_until: datetime | None = None
    clear_at: datetime | None = None

    @property
    def presigned(self) -> bool:
        """Its client sends the bytes to the store itself."""
        return self.mode in PRESIGNED

    @property
    def partial(self) -> bool:
        """A piece of another upload: nobody hears of it, and it never becomes an asset."""
        return self.concat == "partial"

    @property
    def final(self) -> bool:
        """Made of partial uploads by the server; no client writes to it."""
        return bool(self.partials)

    @property
    def plan(self) -> PartPlan:
        """Its parts; while the length is open, as if the upload grew as large as it may."""
        return PartPlan(self.bound, self.part_size)

    @property
    def bound(self) -> int:
        """The offset behind which no byte counts."""
        return self.max_length if self.length is None else self.length

    @property
    def full(self) -> bool:
        """No byte fits any more; an upload of open length may be full and not whole."""
        return self.offset == self.bound

    @property
    def in_parts(self) -> bool:
        """No byte waits in a staged segment."""
        return self.full or self.offset % self.part_size == 0

    @property
    def whole(self) -> bool:
        """All bytes are there."""
        return self.offset == self.length

    @property
    def likely_type(self) -> str:
        """What its object is written as, before its bytes are known."""
        return likely_type(self.kind, self.declared_type, extension_of(self.file_name))

    def remembered(self) -> "Upload":
        """Itself, or UploadGone for one whose resource has ended."""
        if self.state in FORGOTTEN:
            raise UploadGone(f"the upload is {self.state}")
        return self

    def continued(self, offset: int, size: int | None, length: int | None = None) -> "Upload":
        """In the hands of a new writer, who continues at `offset` with `size` bytes (or None).

        `length` is what this writer says the whole upload has; it may be said once.
        """
        self.remembered()
        if self.presigned:
            raise UploadNotFound("it has no address for bytes here")
        if self.final:
            raise FinalUpload("a final upload consists of others and takes no bytes")
        if offset != self.offset:
            raise OffsetMismatch(self.offset)
        upload = self if length is None else self.measured(length)
        if size is not None and offset + size > upload.bound:
            raise upload.too_long()
        if upload.state not in RUNNING or (size == 0 and upload is self):
            return upload
        return replace(upload, state="receiving", generation=self.generation + 1)

    def measured(self, length: int) -> "Upload":
        """With its length known at last; the same length again changes nothing."""
        if self.length == length:
            return self
        if self.length is not None:
            raise LengthMismatch(f"the upload has {self.length} bytes")
        if length < self.offset:
            raise LengthMismatch(f"{self.offset} bytes are there already")
        if length > self.max_length:
            raise self.too_long()
        return replace(self, length=length)

    def too_long(self) -> PastLength | OverLimit:
        """Why no byte behind `bound` counts."""
        if self.length is None:
            return OverLimit(self.bound, self.kind)
        return PastLength(f"the upload has {self.bound} bytes")

    def held_by(self, generation: int) -> "Upload":
        """Itself, or Superseded when another writer took over or the upload ended meanwhile."""
        if self.generation != generation or self.state not in RUNNING:
            raise Superseded
        return self

    def advanced(self, offset: int, expires_at: datetime) -> "Upload":
        """With more bytes committed."""
        if not self.offset <= offset <= self.bound:
            raise self.too_long()
        return replace(self, state="receiving", offset=offset, expires_at=expires_at)

    def belies(self, sha256: str | None) -> bool:
        """Whether the bytes are known to be others than the client says."""
        return None not in {sha256, self.declared_sha256} and sha256 != self.declared_sha256

    def verifying(self, sha256: str | None) -> "Upload":
        """All bytes are committed; `sha256` None means that the object must be read to know it."""
        return replace(self, state="verifying", sha256=sha256)

    def stored(self, found: Stored, format: Format, sha256: str, now: datetime) -> "Upload":  # noqa: A002
        """Whole, judged and hashed."""
        return replace(
            self._ended("stored", now),
            reason=None,
            offset=found.size,
            size=found.size,
            etag=found.etag,
            content_type=NAMINGS[format].content_type,
            sha256=sha256,
            stored_at=now,
        )

    def stranded(self) -> "Upload":
        """Its verification failed too often for reasons of ours; it waits for an operator."""
        return replace(self, reason=STRANDED) if self.state == "verifying" else self

    def resumed(self) -> "Upload":
        """Its verification is tried again."""
        return replace(self, reason=None) if self.state == "verifying" else self

    def rejected(self, reason: Reason, now: datetime) -> "Upload":
        """What arrived may not be kept."""
        return replace(self._ended("rejected", now), reason=reason)

    def aborted(self, now: datetime) -> "Upload":
        """Given up by its client; a writer still at work loses the fence."""
        return replace(self._ended("aborted", now), generation=self.generation + 1)

    def expired(self, now: datetime) -> "Upload":
        """Left alone for too long."""
        return replace(self._ended("expired", now), generation=self.generation + 1)

    def withdrawn(self, now: datetime) -> "Upload":
        """Ended by its client after it was stored; its asset is the catalog's to judge."""
        return replace(self._ended("withdrawn", now), cleared=self.cleared)

    def duplicate(self, duplicate_of: UUID) -> "Upload":
        """The same bytes live already: success under another id. Other ends stay as they are."""
        if self.state != "stored":
            return self
        marked = replace(self, state="duplicate", duplicate_of=duplicate_of)
        if not self.presigned:
            return marked
        # its object is the janitor's to purge, and a signed URL that is good yet may bring it back
        return replace(marked, cleared=False, clear_at=self.signed_until)

    @property
    def unwanted(self) -> bool:
        """Nobody will ask for its object, which its client may have put past us."""
        ended = self.state in {"aborted", "expired", "rejected"}
        return self.presigned and (ended or self.duplicate_of is not None)

    def cleared_up(self, now: datetime, late: timedelta) -> "Upload":
        """Nothing of it is left in the store; to be looked at again where more may come.

        A URL cannot be taken back, and a request that begins at its end takes its time: `late`.
        """
        if self.unwanted and self.signed_until is not None and now < self.signed_until + late:
            return replace(self, clear_at=self.signed_until + late)
        return replace(self, cleared=True)

    def due(self, now: datetime) -> bool:
        """Whether it may expire."""
        waits = self.partial and self.state == "verifying"
        return (self.state in RUNNING or waits) and self.expires_at <= now

    def _ended(self, state: State, now: datetime) -> "Upload":
        # nobody will ask for a piece's name to be forgotten: it goes with the piece
        metadata = "" if self.partial else self.metadata
        sequence = self.sequence + 1
        return replace(
            self, state=state, ended_at=now, sequence=sequence, metadata=metadata, cleared=False
        )


def expiry_after(now: datetime, seconds: int) -> datetime:
    """When an upload ends that gets no more bytes; whole seconds, as `Upload-Expires` can say."""
    return now.replace(microsecond=0) + timedelta(seconds=seconds)
