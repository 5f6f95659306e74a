"""The gateway's ports in memory, for use cases: they keep the promises of ports.py."""

import hashlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from common.clock import SystemClock
from common.errors import Corrupt, NotFound, TooLarge, Unavailable
from common.events import Message
from common.ids import AssetId, ObjectKey, UploadId, UserId, staging_key
from common.postgres.outbox import MAX_PAYLOAD
from upload_gateway.domain.errors import MultipartForgotten, PartsLost, RateLimited, UploadNotFound
from upload_gateway.domain.formats import Format
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.limits import Open
from upload_gateway.domain.presigning import PartAsked, SignedRequest
from upload_gateway.domain.telling import Entry, Told, changed
from upload_gateway.domain.upload import ENDED, RUNNING, Part, Segment, State, Stored, Upload
from upload_gateway.ports.body import BodyCut, CutReason
from upload_gateway.ports.transaction import Ticket


@dataclass
class MemoryTicket:
    """A job whose lease may be lost."""

    id: UUID
    lost: bool = False
    closed: bool = False


@dataclass
class MemoryTables:
    uploads: dict[UploadId, Upload] = field(default_factory=dict)
    parts: dict[tuple[UploadId, int], Part] = field(default_factory=dict)
    segments: dict[tuple[UploadId, int], Segment] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    jobs: list[UploadId] = field(default_factory=list)
    held: set[UploadId] = field(default_factory=set)
    purged: set[UploadId] = field(default_factory=set)
    writers: dict[UploadId, int] = field(default_factory=dict)
    journeys: dict[AssetId, Journey] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    buried: dict[UUID, str] = field(default_factory=dict)

    def copy(self) -> "MemoryTables":
        return MemoryTables(
            dict(self.uploads),
            dict(self.parts),
            dict(self.segments),
            list(self.messages),
            list(self.jobs),
            set(self.held),
            set(self.purged),
            dict(self.writers),
            dict(self.journeys),
            list(self.entries),
            dict(self.buried),
        )

    def open(self, user_id: UserId | None = None) -> Open:
        found = [
            upload
            for upload in self.uploads.values()
            if upload.state in RUNNING and user_id in {None, upload.user_id}
        ]
        held = [upload for upload in found if upload.id in self.held]
        size = sum(u.offset if u.length is None else u.length for u in found)
        return Open(len(held), len(found), size)


class MemoryLedger:
    """Transactions on a copy: a block that raises leaves nothing."""

    def __init__(self) -> None:
        self.tables = MemoryTables()
        self.broken = False

    @asynccontextmanager
    async def change(self) -> AsyncIterator["MemoryTransaction"]:
        if self.broken:
            raise Unavailable(code="database_unavailable")
        tables = self.tables.copy()
        yield MemoryTransaction(tables)
        self.tables = tables

    def __getitem__(self, upload: Upload) -> Upload:
        return self.tables.uploads[upload.id]

    @property
    def types(self) -> list[str]:
        return [message.envelope.type.split(".")[2] for message in self.tables.messages]

    async def find(self, upload_id: UploadId) -> Upload:
        return await MemoryTransaction(self.tables).locked(upload_id)

    async def parts(self, upload_id: UploadId) -> list[Part]:
        found = [part for (owner, _), part in self.tables.parts.items() if owner == upload_id]
        return sorted(found, key=lambda part: part.number)

    async def segments(self, upload_id: UploadId) -> list[Segment]:
        return await MemoryTransaction(self.tables).segments(upload_id)

    async def page(
        self, user_id: UserId, after: AssetId | None, limit: int, states: Collection[State] = ()
    ) -> list[Upload]:
        found = self.tables.uploads.values()
        own = [u for u in found if u.user_id == user_id and not u.partial]
        own = [u for u in own if not states or u.state in states]
        own.sort(key=lambda upload: upload.asset_id, reverse=True)
        return [u for u in own if after is None or u.asset_id < after][:limit]

    async def journeys(self, assets: Collection[AssetId]) -> dict[AssetId, Journey]:
        return {id_: self.tables.journeys[id_] for id_ in assets if id_ in self.tables.journeys}

    async def timeline(self, upload_id: UploadId, limit: int) -> list[Told]:
        told = [Told(n, entry) for n, entry in enumerate(self.tables.entries, 1)]
        return [one for one in told if one.entry.upload_id == upload_id][-limit:]

    async def due(self, now: datetime, limit: int) -> list[UploadId]:
        found = self.tables.uploads
        built = {u.id for u in found.values() if u.final and u.state == "verifying"}
        return [u.id for u in found.values() if u.due(now) and u.final_id not in built][:limit]

    async def renew(self, uploads: Collection[UploadId]) -> None:
        self.tables.held.update(uploads)

    async def leave(self, upload_id: UploadId, generation: int) -> None:
        if self.tables.uploads[upload_id].generation == generation:
            self.tables.held.discard(upload_id)

    async def open_now(self) -> Open:
        return self.tables.open()

    async def forget_leases(self) -> None:
        return None

    async def stranded_now(self) -> int:
        found = self.tables.uploads.values()
        return sum(u.state == "verifying" and u.reason is not None for u in found)

    async def forget_names(self, before: datetime) -> int:
        return 0

    async def uncleared(self, ended_before: datetime, limit: int) -> list[UploadId]:
        return [
            upload.id
            for upload in self.tables.uploads.values()
            if upload.state in ENDED
            and not upload.cleared
            and upload.ended_at is not None
            and (upload.clear_at or upload.ended_at) <= ended_before
            and upload.id not in self.tables.writers
        ][:limit]


class MemoryTransaction:
    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def locked(self, upload_id: UploadId) -> Upload:
        if upload_id not in self._tables.uploads:
            raise UploadNotFound
        return self._tables.uploads[upload_id]

    async def locked_of(self, asset_id: AssetId) -> Upload | None:
        found = (u for u in self._tables.uploads.values() if u.asset_id == asset_id)
        return next(found, None)

    async def segments(self, upload_id: UploadId) -> list[Segment]:
        found = [s for (owner, _), s in self._tables.segments.items() if owner == upload_id]
        return sorted(found, key=lambda segment: segment.start)

    async def add(self, upload: Upload, *, held: bool = False) -> None:
        assert upload.id not in self._tables.uploads
        if held:
            await self.hold(upload.id)
        self._note(None, upload)
        self._tables.uploads[upload.id] = upload

    async def save(self, upload: Upload) -> None:
        assert self._tables.uploads[upload.id].offset <= upload.offset
        self._note(self._tables.uploads[upload.id], upload)
        self._tables.uploads[upload.id] = upload

    async def journey(self, asset_id: AssetId) -> Journey | None:
        return self._tables.journeys.get(asset_id)

    async def follow(self, journey: Journey) -> None:
        self._tables.journeys[journey.asset_id] = journey

    async def tell(self, entry: Entry) -> None:
        self._tables.entries.append(entry)

    def _note(self, before: Upload | None, after: Upload) -> None:
        entry = changed(before, after, SystemClock().now())
        if entry is not None:
            self._tables.entries.append(entry)

    async def add_part(self, upload_id: UploadId, part: Part) -> None:
        self._tables.parts[upload_id, part.number] = part

    async def add_segment(self, upload_id: UploadId, segment: Segment) -> None:
        assert (upload_id, segment.start) not in self._tables.segments
        self._tables.segments[upload_id, segment.start] = segment

    async def forget_segments(self, upload_id: UploadId, segments: Sequence[Segment]) -> None:
        for segment in segments:
            if self._tables.segments.get((upload_id, segment.start)) == segment:
                del self._tables.segments[upload_id, segment.start]

    async def open_of(self, user_id: UserId) -> Open:
        return self._tables.open(user_id)

    async def open_of_all(self) -> Open:
        return self._tables.open()

    async def taken_by(self, user_id: UserId) -> int:
        return self._tables.open(user_id).bytes + sum(
            upload.size or upload.length or 0
            for upload in self._tables.uploads.values()
            if upload.user_id == user_id
            and upload.state in {"verifying", "stored", "withdrawn"}
            and upload.id not in self._tables.purged
        )

    async def purged(self, upload_id: UploadId) -> None:
        self._tables.purged.add(upload_id)

    async def present(self, upload: Upload) -> None:
        self._tables.writers[upload.id] = upload.generation

    async def written(self, upload_id: UploadId) -> bool:
        return upload_id in self._tables.writers

    async def absent(self, upload_id: UploadId) -> None:
        self._tables.writers.pop(upload_id, None)

    async def hold(self, upload_id: UploadId) -> None:
        self._tables.held.add(upload_id)

    async def publish(self, *messages: Message) -> None:
        if any(len(message.payload or b"") > MAX_PAYLOAD for message in messages):
            raise TooLarge
        self._tables.messages.extend(messages)

    async def enqueue_verify(self, upload: Upload) -> None:
        if upload.id not in self._tables.jobs:
            self._tables.jobs.append(upload.id)

    async def revive(self, upload: Upload) -> bool:
        return self._tables.buried.pop(upload.asset_id, None) is not None

    async def bury(self, ticket: Ticket, error: str) -> None:
        self._tables.buried[ticket.id] = error

    async def close(self, ticket: Ticket) -> None:
        if isinstance(ticket, MemoryTicket):
            if ticket.lost:
                raise Unavailable(code="lease_lost")
            ticket.closed = True


@dataclass
class MemoryPace:
    """As many requests as there are tokens; none flow in."""

    tokens: int = 1_000_000

    async def request(self, user_id: UserId) -> None:
        if self.tokens == 0:
            raise RateLimited(1, 60)
        self.tokens -= 1


class MemoryStore:
    """PartStore and Staging in one, with faults to switch on.

    `loses_answers`: Complete works and its answer is lost. `down`: nothing answers. `salted`: an
    ETag says when a part was written, not only what it holds.
    """

    def __init__(self) -> None:
        self.multiparts: dict[str, tuple[ObjectKey, dict[int, bytes]]] = {}
        self.objects: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.refused: ObjectKey | None = None
        self.etags: dict[tuple[str, int], str] = {}
        self.down = self.loses_answers = self.salted = False
        self.reads = self.begun = 0

    def _answer(self) -> None:
        if self.down:
            raise Unavailable(code="storage_unavailable")

    def require(self) -> None:
        return None

    async def open(self, key: ObjectKey, content_type: str) -> str:
        self._answer()
        multipart_id = f"multipart-{self.begun}"
        self.begun += 1
        self.multiparts[multipart_id] = (key, {})
        self.types[key] = content_type
        return multipart_id

    async def put_part(
        self, key: ObjectKey, multipart_id: str, number: int, body: memoryview
    ) -> str:
        self._answer()
        if multipart_id not in self.multiparts:
            raise MultipartForgotten
        self.multiparts[multipart_id][1][number] = bytes(body)
        salt = str(len(self.etags)).encode() if self.salted else b""
        before = self.etags.get((multipart_id, number), "").encode() if self.salted else b""
        etag = hashlib.md5(bytes(body) + salt + before).hexdigest()
        self.etags[multipart_id, number] = etag
        return etag

    async def complete(self, key: ObjectKey, multipart_id: str, parts: Sequence[Part]) -> None:
        self._answer()
        if multipart_id not in self.multiparts:
            raise MultipartForgotten
        held = self.multiparts[multipart_id][1]
        for part in parts:
            if part.number not in held or self.etags[multipart_id, part.number] != part.etag:
                raise PartsLost
        self.objects[key] = b"".join(held[part.number] for part in parts)
        del self.multiparts[multipart_id]
        if self.loses_answers:
            raise Unavailable(code="storage_unavailable")

    async def held(self, key: ObjectKey, multipart_id: str) -> list[Part]:
        self._answer()
        if multipart_id not in self.multiparts:
            raise MultipartForgotten
        held = self.multiparts[multipart_id][1]
        return [Part(n, self.etags[multipart_id, n], len(held[n])) for n in sorted(held)]

    async def discard(self, key: ObjectKey, known: str | None) -> None:
        self._answer()
        if key == self.refused:
            raise Corrupt(code="storage_refused")
        self.multiparts = {i: m for i, m in self.multiparts.items() if m[0] != key}

    async def remove(self, key: ObjectKey | Sequence[Segment]) -> None:
        self._answer()
        keys: Iterable[str] = [key] if isinstance(key, str) else [s.key for s in key]
        for gone in keys:
            self.objects.pop(gone, None)

    async def stat(self, key: ObjectKey) -> Stored | None:
        self._answer()
        body = self.objects.get(key)
        if body is None:
            return None
        return Stored(len(body), hashlib.md5(body).hexdigest(), self.types.get(key, ""))

    async def opening(self, key: ObjectKey, size: int) -> bytes:
        self._answer()
        if key not in self.objects:
            raise NotFound
        return self.objects[key][:size]

    async def stream(self, key: ObjectKey) -> AsyncIterator[bytes]:
        self._answer()
        self.reads += 1
        if key not in self.objects:
            raise NotFound
        yield self.objects[key]

    async def put(self, upload_id: UploadId, start: int, body: memoryview) -> Segment:
        self._answer()
        key = staging_key(upload_id, start)
        self.objects[key] = bytes(body)
        return Segment(start, len(body), ObjectKey(key))

    async def read_into(self, segment: Segment, view: memoryview) -> None:
        self._answer()
        view[:] = self.objects[segment.key]

    async def clear(self, upload_id: UploadId) -> None:
        self._answer()
        staged = [key for key in self.objects if key.startswith(f"staging/{upload_id}/")]
        for key in staged:
            del self.objects[key]


class ListedBody:
    """A body of these chunks; a CutReason among them ends it there."""

    def __init__(self, *chunks: bytes | CutReason) -> None:
        self._chunks = list(chunks)

    async def read_into(self, view: memoryview) -> int:
        if not self._chunks:
            return 0
        chunk = self._chunks.pop(0)
        if isinstance(chunk, str):
            raise BodyCut(chunk)
        taken = min(len(view), len(chunk))
        view[:taken] = chunk[:taken]
        if taken < len(chunk):
            self._chunks.insert(0, chunk[taken:])
        return taken


@dataclass(frozen=True)
class MemoryPresence:
    """Of one process only: who is asked about here has been ended by Writers before."""

    ledger: MemoryLedger

    async def beat(self, held: Mapping[UploadId, int]) -> dict[UploadId, CutReason]:
        writers = self.ledger.tables.writers
        return {id_: "superseded" for id_, own in held.items() if writers.get(id_) != own}

    async def settle(self, upload_id: UploadId) -> bool:
        return False

    async def gone(self, upload_id: UploadId, generation: int) -> None:
        if self.ledger.tables.writers.get(upload_id) == generation:
            del self.ledger.tables.writers[upload_id]


@dataclass
class KnownCapabilities:
    """What a probe found."""

    lines: frozenset[str] = frozenset(
        {"presigned_put", "digested_put", "presigned_parts", "digested_parts"}
    )

    async def offered(self) -> frozenset[str]:
        return self.lines


@dataclass(frozen=True)
class NumberedUrls:
    """URLs that say what they are for."""

    lifetime: timedelta = timedelta(seconds=30)

    def put(self, upload: Upload) -> SignedRequest:
        return SignedRequest("PUT", f"put {upload.key}", {}, upload.length or 0)

    def part(self, upload: Upload, part: PartAsked) -> SignedRequest:
        url = f"{upload.multipart_id} {part.number} {part.sha256}"
        return SignedRequest("PUT", url, {}, upload.plan.size_of(part.number), part.number)


@dataclass(frozen=True)
class KnownSniffer:
    """Always the same answer."""

    found: frozenset[Format] = frozenset({"flac"})

    def formats(self, opening: bytes) -> frozenset[Format]:
        return self.found
