"""What the gateway needs: a ledger, a store, a pool of buffers and order among writers."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from common.events import Message
from common.ids import AssetId, ObjectKey, UploadId, UserId
from upload_gateway.domain.checksum import RunningDigest
from upload_gateway.domain.formats import Format
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.limits import Open
from upload_gateway.domain.presigning import PartAsked, SignedRequest
from upload_gateway.domain.telling import Entry, News, Standing, Told
from upload_gateway.domain.upload import Part, Segment, State, Stored, Upload

CutReason = Literal[
    "client_gone",  # the connection ended in the body
    "stalled",  # no byte for longer than the stall timeout
    "too_slow",  # fewer bytes in the time of a window than the minimum rate asks for
    "stopping",  # the process got SIGTERM
    "asked",  # somebody asked for the offset: who asks is about to go on from there
    "superseded",  # a newer request writes; it brings the uncommitted bytes again
    "ended",  # the upload was aborted
    "failed",  # a part could not be stored; receiving more of them makes no sense
]


class BodyCut(Exception):
    """The body of a request ended before its end; never leaves the use case that reads it."""

    def __init__(self, reason: CutReason) -> None:
        super().__init__(reason)
        self.reason: CutReason = reason


class Ticket(Protocol):
    """A leased job, as opaque as the use case needs it: who holds it may close it."""

    @property
    def id(self) -> UUID: ...


class Transaction(Protocol):
    """One Postgres transaction: committed when its block ends, rolled back when it raises."""

    async def locked(self, upload_id: UploadId) -> Upload:
        """The row, nobody else's until the transaction ends; raises UploadNotFound."""
        ...

    async def locked_of(self, asset_id: AssetId) -> Upload | None:
        """As `locked`, by the asset; None for one whose upload is not in this ledger."""
        ...

    async def segments(self, upload_id: UploadId) -> list[Segment]:
        """Staged segments by their start."""
        ...

    async def add(self, upload: Upload, *, held: bool = False) -> None:
        """A new row, of which its owner is told; `held` takes its slot as `hold` does."""
        ...

    async def save(self, upload: Upload) -> None:
        """Write a row that this transaction has locked; its owner is told of a change of state."""
        ...

    async def journey(self, asset_id: AssetId) -> Journey | None:
        """What became of the asset; ask with its upload locked. None when nothing was heard."""
        ...

    async def follow(self, journey: Journey) -> None:
        """Write what became of an asset, new or known."""
        ...

    async def tell(self, entry: Entry) -> None:
        """Add to the owner's stream, in the place that the commit gives it.

        Entries of one person become visible in the order of their numbers, so that nobody who
        reads on from the last one misses another that was committed later.
        """
        ...

    async def add_part(self, upload_id: UploadId, part: Part) -> None:
        """Record a part; one of the same number is replaced, as it is in the store."""
        ...

    async def add_segment(self, upload_id: UploadId, segment: Segment) -> None:
        """Record a segment; segments are never changed."""
        ...

    async def forget_segments(self, upload_id: UploadId, segments: Sequence[Segment]) -> None:
        """Drop the rows of segments whose objects are gone."""
        ...

    async def open_of(self, user_id: UserId) -> Open:
        """What this person has open; until the transaction ends nobody else is told of them.

        So two that ask at once are counted one after the other. Ask it before `open_of_all`.
        """
        ...

    async def open_of_all(self) -> Open:
        """What everybody has open; until the transaction ends nobody else is told."""
        ...

    async def kept_by(self, user_id: UserId) -> int:
        """Bytes of this person's finished uploads, until their asset is purged."""
        ...

    async def purged(self, upload_id: UploadId) -> None:
        """Count its bytes no more; twice is once."""
        ...

    async def present(self, upload: Upload) -> None:
        """A writer of the upload's generation is at work, and none before it."""
        ...

    async def written(self, upload_id: UploadId) -> bool:
        """Whether a request, in whichever process, writes to it and gave a sign of life lately."""
        ...

    async def absent(self, upload_id: UploadId) -> None:
        """Nobody writes; what a request committed last, or an end."""
        ...

    async def hold(self, upload_id: UploadId) -> None:
        """Its slot is in use from now on, for the time of a lease."""
        ...

    async def publish(self, *messages: Message) -> None:
        """Append to the outbox, in this order; call it for a row that is locked or new."""
        ...

    async def enqueue_verify(self, upload: Upload) -> None:
        """Ask for verification; twice for one upload is once."""
        ...

    async def revive(self, upload: Upload) -> bool:
        """Make its dead verification due again; False when it is not dead."""
        ...

    async def bury(self, ticket: Ticket, error: str) -> None:
        """Mark the job dead with what it failed by; a lost lease raises, which rolls both back."""
        ...

    async def close(self, ticket: Ticket) -> None:
        """Mark the job done with its result; a lost lease raises, which rolls both back."""
        ...


class Ledger(Protocol):
    """The rows of all uploads; what is committed here is what clients are told.

    Every method raises Unavailable when Postgres does not answer; nothing was acknowledged then.
    """

    def change(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction."""
        ...

    async def find(self, upload_id: UploadId) -> Upload:
        """The row as it is; raises UploadNotFound."""
        ...

    async def parts(self, upload_id: UploadId) -> list[Part]:
        """Committed parts by number."""
        ...

    async def segments(self, upload_id: UploadId) -> list[Segment]:
        """Staged segments by their start."""
        ...

    async def page(
        self, user_id: UserId, after: AssetId | None, limit: int, states: Collection[State] = ()
    ) -> list[Upload]:
        """A person's uploads, newest first, older than the one named by `after`.

        `states` are those that are wanted; empty means all.
        """
        ...

    async def journeys(self, assets: Collection[AssetId]) -> dict[AssetId, Journey]:
        """What became of these assets, as far as anything was heard."""
        ...

    async def timeline(self, upload_id: UploadId, limit: int) -> list[Told]:
        """What its owner was told of one upload, the newest `limit` entries, oldest first."""
        ...

    async def due(self, now: datetime, limit: int) -> list[UploadId]:
        """Running uploads past their expiry that nobody writes to, the oldest first."""
        ...

    async def renew(self, uploads: Collection[UploadId]) -> None:
        """Their slots stay in use for another lease: requests of theirs move bytes."""
        ...

    async def leave(self, upload_id: UploadId, generation: int) -> None:
        """Free the slot now, unless a newer writer than `generation` has it."""
        ...

    async def open_now(self) -> Open:
        """What everybody has open, as it was a moment ago: for gauges, never for decisions."""
        ...

    async def stranded_now(self) -> int:
        """How many uploads wait for an operator, as it was a moment ago."""
        ...

    async def forget_names(self, before: datetime) -> int:
        """Drop file names of uploads that ended nameless before that; how many, a bounded number.

        They were for their owners; the catalog never had them.
        """
        ...

    async def forget_leases(self) -> None:
        """Drop what ran out long ago; slots and paces that count stay."""
        ...

    async def uncleared(self, ended_before: datetime, limit: int) -> list[UploadId]:
        """Ended uploads whose leftovers in the store are not yet known to be gone.

        Without those that are looked at again after `ended_before`.
        """
        ...


class Feed(Protocol):
    """What owners are told, read by whoever tells them; each answer is of one moment.

    Every method raises Unavailable.
    """

    async def standing(self, user_id: UserId, limit: int) -> Standing:
        """Where the person's stream stands, with at most `limit` unfinished uploads."""
        ...

    async def news(self, cursors: Sequence[tuple[UserId, int]], limit: int) -> list[News]:
        """For each listener what came after its number, in order, at most `limit` entries each."""
        ...

    async def forget(self, before: datetime) -> int:
        """Drop entries told before that, a bounded number of them; how many went."""
        ...


class Listener(Protocol):
    """One open stream of a person."""

    @property
    def user_id(self) -> UserId: ...

    @property
    def after(self) -> int:
        """The number of the last entry that was taken."""
        ...

    def begin(self, after: int) -> None:
        """Listen from behind this number; before that nothing is handed over."""
        ...

    def take(self, news: News) -> None:
        """Keep it for the stream's reader; give it only to one that waits."""
        ...

    async def heard(self, patience: float) -> News | None:
        """What came, None when nothing did in so many seconds; raises StreamOver."""
        ...

    def end(self) -> None:
        """Its reader gets StreamOver, at once."""
        ...


class Listeners(Protocol):
    """The open streams of this process: a bounded number, each with a bounded queue."""

    def open(self, user_id: UserId) -> AbstractAsyncContextManager[Listener]:
        """Take a place; raises TooManyStreams, or Unavailable while the process ends."""
        ...

    def waiting(self) -> Sequence[Listener]:
        """Those that began and have room: who reads slowly is asked later, and misses nothing."""
        ...


class Pace(Protocol):
    """How often people may ask for new uploads, counted once for all processes."""

    async def request(self, user_id: UserId) -> None:
        """Count one request; raises RateLimited, or Unavailable when it cannot be counted."""
        ...


class PartStore(Protocol):
    """Multipart uploads and finished objects of the one bucket.

    Raises Unavailable with code `storage_not_configured` or `storage_unavailable` (time-outs,
    refusals and throttling that outlived the client's own few tries).
    """

    def require(self) -> None:
        """Raise Unavailable(`storage_not_configured`) when there is no store; no I/O."""
        ...

    async def open(self, key: ObjectKey, content_type: str) -> str:
        """Begin a multipart upload; its id."""
        ...

    async def put_part(
        self, key: ObjectKey, multipart_id: str, number: int, body: memoryview
    ) -> str:
        """Store one part with a signed payload, so that a cut body is refused; its ETag.

        The same number again replaces it: also a late write of a writer that lost the fence, whose
        bytes are the same from an honest client and whose ETag may be another (some stores make
        it of more than the content). Raises MultipartForgotten.
        """
        ...

    async def complete(self, key: ObjectKey, multipart_id: str, parts: Sequence[Part]) -> None:
        """Make the object of these parts; after any error ask `stat`: it may exist all the same.

        Raises MultipartForgotten, or PartsLost when it has other parts than these.
        """
        ...

    async def held(self, key: ObjectKey, multipart_id: str) -> list[Part]:
        """The parts the store has now, by number; raises MultipartForgotten."""
        ...

    async def discard(self, key: ObjectKey, known: str | None) -> None:
        """Abort every open multipart of this key, also one whose id was never stored.

        `known` is the id that was: all there is to abort in a store that lists none.
        """
        ...

    async def remove(self, key: ObjectKey) -> None:
        """Delete an object nobody was told of; gone already is fine."""
        ...

    async def stat(self, key: ObjectKey) -> Stored | None:
        """Size, ETag and type of the object, or None."""
        ...

    async def opening(self, key: ObjectKey, size: int) -> bytes:
        """The first bytes of an object, at most `size`."""
        ...

    def stream(self, key: ObjectKey) -> AsyncIterator[bytes]:
        """All bytes of an object, in chunks."""
        ...


class UrlSigner(Protocol):
    """Requests that the store takes from whoever sends them, signed without I/O.

    Each binds method, key, size, what is said of the bytes, and its end: `lifetime` after it was
    made, at most 900 s. It cannot be taken back before (security.md, presigned writes).
    """

    @property
    def lifetime(self) -> timedelta:
        """How long each is good."""
        ...

    def put(self, upload: Upload) -> SignedRequest:
        """The whole file, once: its type, its declared sha256, and never over another object."""
        ...

    def part(self, upload: Upload, part: PartAsked) -> SignedRequest:
        """One part of its multipart, with its digest if there is one."""
        ...


class Staging(Protocol):
    """Staged segments under `staging/<upload_id>/`; errors as in PartStore."""

    async def put(self, upload_id: UploadId, start: int, body: memoryview) -> Segment:
        """Write a new object, never over another one."""
        ...

    async def read_into(self, segment: Segment, view: memoryview) -> None:
        """Fill `view`, as large as the segment; raises PartsLost when it is not there in full."""
        ...

    async def remove(self, segments: Sequence[Segment]) -> None:
        """Delete these objects; one that is gone already is fine."""
        ...

    async def clear(self, upload_id: UploadId) -> None:
        """Delete everything staged for an upload, also what has no row."""
        ...


class BufferWanted(Exception):
    """Somebody waits for the buffer that a slow client fills; never leaves the use case.

    `trickles`: it sends so little that it had better collect its bytes outside of the pool.
    """

    def __init__(self, *, trickles: bool) -> None:
        super().__init__(trickles)
        self.trickles = trickles


class BufferLease(Protocol):
    """At most two part buffers in the hands of one upload; all go back when the lease ends."""

    @property
    def first(self) -> memoryview:
        """The buffer that was waited for."""
        ...

    @property
    def wanted(self) -> bool:
        """Whether somebody waits who holds none."""
        ...

    def other(self, busy: memoryview) -> memoryview | None:
        """A buffer beside `busy`, only if one is free and nobody waits for it; never waits itself.

        Gives the idle second one back when somebody else waits.
        """
        ...

    def filling(self) -> AbstractAsyncContextManager[Callable[[int], None]]:
        """Inside, one buffer is filled by the client; tell what is given how many bytes came.

        Raises BufferWanted in the middle of a wait for bytes, when somebody waits for a buffer and
        this client has had its time. Only reads of the body belong inside.
        """
        ...

    def give_back(self) -> None:
        """Give all of them back; there is no `first` until one is regained."""
        ...

    async def regain(self) -> None:
        """Give all back and wait in line for one anew; raises Unavailable(`no_buffer_free`)."""
        ...


class Buffers(Protocol):
    """The process's part buffers: preallocated, equal, and the bound of its memory."""

    @property
    def size(self) -> int:
        """Bytes of one buffer."""
        ...

    def lease(self) -> AbstractAsyncContextManager[BufferLease]:
        """Wait in line for one; raises Unavailable(`no_buffer_free`) when it takes too long."""
        ...


class Body(Protocol):
    """The bytes of a request as they arrive."""

    async def read_into(self, view: memoryview) -> int:
        """Copy what is there, at least one byte, into `view`; 0 at the end of the body.

        A call that is cancelled loses nothing: the next one gives the same bytes. Raises
        BodyCut(`client_gone`) when the connection ends first.
        """
        ...


class FormPart(Protocol):
    """The head of one part of a form, as its sender wrote it."""

    @property
    def name(self) -> str:
        """The name of the field."""
        ...

    @property
    def file_name(self) -> str | None:
        """None for a part that is no file; empty where no file was chosen."""
        ...

    @property
    def content_type(self) -> str | None:
        """What the sender declares of a file."""
        ...


class Form(Body, Protocol):
    """A multipart form as it arrives, one part after the other; as a Body, the present part.

    Every method raises BodyCut when the request ends, or must end, before the form does, and
    MalformedForm for what is no form; once raised it is raised again and again. Memory does not
    grow with what is read.
    """

    async def following(self) -> FormPart | None:
        """The next part; what is left of the present one is read and dropped. None at the end."""
        ...

    async def opening(self, size: int) -> bytes:
        """The first bytes of the present part: `size` of them, or all; they stay to be read."""
        ...

    async def text(self) -> str:
        """The whole present part, a small field; raises MalformedForm for a large one."""
        ...


class Writer(Protocol):
    """A request that writes to an upload, and can be ended by others."""

    def reading(self) -> AbstractAsyncContextManager[None]:
        """Inside, waiting for the client ends with BodyCut when the writer is cut or it stalls.

        Only reads of the body belong inside: what is already received is stored in peace.
        """
        ...

    def waiting(self) -> AbstractAsyncContextManager[None]:
        """Inside, waiting for anything else ends with BodyCut when the writer is cut.

        The client is not to blame for that time: it counts neither as a stall nor for its rate.
        """
        ...

    def progressed(self, count: int) -> None:
        """So many bytes arrived: the stall timeout starts anew, and they count for the rate."""
        ...

    def cut(self, reason: CutReason) -> None:
        """End it; the first reason stays."""
        ...


class Writers(Protocol):
    """The writers of this process, one per upload; the generation decides across processes."""

    def writing(self, upload_id: UploadId, generation: int) -> AbstractAsyncContextManager[Writer]:
        """Become the writer: an older one is cut and waited for, a newer one raises Superseded.

        Raises UploadBusy when the older one does not end in time.
        """
        ...

    def attending(self) -> AbstractContextManager[Writer]:
        """For a request that brings more than the bytes of one upload.

        The same stall timeout and minimum rate, and the end of the process cuts it.
        """
        ...

    async def settle(self, upload_id: UploadId, reason: CutReason) -> None:
        """Cut the writer, if there is one, and wait until what it saves is saved.

        Raises UploadBusy when it does not end in time.
        """
        ...

    def held(self) -> dict[UploadId, int]:
        """The generations of all writers of this process."""
        ...

    def cut(self, upload_id: UploadId, generation: int, reason: CutReason) -> None:
        """Cut this very writer, if it is still there; nobody waits."""
        ...


class Presence(Protocol):
    """Who writes, known to all processes (protocols.md 1.8, item 7).

    The generation keeps two writers apart in what they commit. This is about the one that has
    nothing to commit: a half-open request would hold its place, and the bytes it has in memory,
    until its client is given up. Every method raises Unavailable.
    """

    async def beat(self, held: Mapping[UploadId, int]) -> Mapping[UploadId, CutReason]:
        """Say that these writers are alive; those that must end, and why."""
        ...

    async def settle(self, upload_id: UploadId) -> bool:
        """Ask the writer, wherever it is, to end, and wait until what it saves is saved.

        False when there is none, or none that gave a sign of life for some seconds. Raises
        UploadBusy when it does not end in time.
        """
        ...

    async def gone(self, upload_id: UploadId, generation: int) -> None:
        """This writer has ended; a newer one is left alone."""
        ...


class Digests(Protocol):
    """Running digests of this process; losing one costs a read of the object and nothing else."""

    def take(self, upload_id: UploadId, offset: int) -> RunningDigest | None:
        """The digest of exactly the first `offset` bytes; it is the caller's from now on."""
        ...

    def keep(self, upload_id: UploadId, digest: RunningDigest) -> None:
        """Keep it for the next request; bounded, the longest unused goes first."""
        ...


class Sniffer(Protocol):
    """Reads a format off the first bytes."""

    def formats(self, opening: bytes) -> frozenset[Format]:
        """Every format these bytes may be the beginning of; empty when it is none of ours."""
        ...


class Capabilities(Protocol):
    """What the configured store can do beside the things the platform cannot do without."""

    async def offered(self) -> frozenset[str]:
        """Names of the lines of `reprise doctor s3` that this store passed when it was last asked.

        Empty when nobody has asked it: what is not known is not offered. Raises Unavailable.
        """
        ...
