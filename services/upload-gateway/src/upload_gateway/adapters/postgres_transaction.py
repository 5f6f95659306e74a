"""One transaction on the ledger: the row, its parts, the outbox and the jobs change together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Row,
    Select,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from common.clock import Clock
from common.events import Message
from common.ids import AssetId, ObjectKey, UploadId, UserId
from common.jobs.job import Job
from common.jobs.queue import JobQueue
from common.postgres import outbox
from common.postgres.engine import WriteSession
from common.telemetry.tracing import current_traceparent
from upload_gateway.adapters import slots, tables, telling
from upload_gateway.adapters.postgres_presence import SILENT
from upload_gateway.domain.errors import UploadNotFound
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.limits import Open
from upload_gateway.domain.telling import Entry, changed
from upload_gateway.domain.upload import Part, Segment, Upload
from upload_gateway.ports.transaction import Ticket

VERIFY = "verify"
# tries that a bug or a crash may use up; outages of store and database use none
_ATTEMPTS = 20

# built once: these run for every part of every file, and building one costs as much as running it
_LOCKED = select(tables.upload).where(tables.upload.c.id == bindparam("locked")).with_for_update()
_SAVED = update(tables.upload).where(tables.upload.c.id == bindparam("saved"))
_NEW_PART = upsert(tables.part)
_PART = _NEW_PART.on_conflict_do_update(
    index_elements=["upload_id", "number"],
    set_={name: _NEW_PART.excluded[name] for name in Part.__slots__},
)


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """Everything a use case may do between begin and commit.

    `close_telling` is called last, before the commit.
    """

    session: WriteSession
    jobs: JobQueue
    lease: float
    clock: Clock
    _before: dict[UploadId, Upload] = field(default_factory=dict)
    _entries: list[Entry] = field(default_factory=list)

    async def locked(self, upload_id: UploadId) -> Upload:
        row = (await self.session.execute(_LOCKED, {"locked": upload_id})).one_or_none()
        if row is None:
            raise UploadNotFound
        return self._seen(upload_of(row))

    async def locked_of(self, asset_id: AssetId) -> Upload | None:
        columns = tables.upload.c
        query = select(tables.upload).where(columns.asset_id == asset_id).with_for_update()
        row = (await self.session.execute(query)).one_or_none()
        return None if row is None else self._seen(upload_of(row))

    async def segments(self, upload_id: UploadId) -> list[Segment]:
        return [segment_of(row) for row in await self.session.execute(segments_query(upload_id))]

    async def add(self, upload: Upload, *, held: bool = False) -> None:
        await self._add(upload, held=held)
        self._note(upload)

    async def save(self, upload: Upload) -> None:
        values = asdict(upload)
        await self.session.execute(_SAVED, values | {"saved": values.pop("id")})
        self._note(upload)

    async def journey(self, asset_id: AssetId) -> Journey | None:
        return await telling.journey_of(self.session, asset_id)

    async def follow(self, journey: Journey) -> None:
        await telling.follow(self.session, journey)

    async def tell(self, entry: Entry) -> None:
        self._entries.append(entry)

    async def close_telling(self) -> None:
        await telling.write(self.session, self._entries)
        self._entries.clear()

    async def _add(self, upload: Upload, *, held: bool) -> None:
        added = insert(tables.upload).values(asdict(upload))
        if not held:
            await self.session.execute(added)
            return
        born = added.returning(tables.upload.c.id).cte("born")
        lease = func.make_interval(0, 0, 0, 0, 0, 0, self.lease)
        rows = select(born.c.id, func.clock_timestamp() + lease)
        await self.session.execute(insert(tables.lease).from_select(["upload_id", "until"], rows))

    def _seen(self, upload: Upload) -> Upload:
        self._before[upload.id] = upload
        return upload

    def _note(self, upload: Upload) -> None:
        entry = changed(self._before.get(upload.id), upload, self.clock.now())
        self._before[upload.id] = upload
        if entry is not None:
            self._entries.append(entry)

    async def add_part(self, upload_id: UploadId, part: Part) -> None:
        await self.session.execute(_PART, {"upload_id": upload_id, **asdict(part)})

    async def add_segment(self, upload_id: UploadId, segment: Segment) -> None:
        await self.session.execute(
            insert(tables.segment).values(upload_id=upload_id, **asdict(segment))
        )

    async def forget_segments(self, upload_id: UploadId, segments: Sequence[Segment]) -> None:
        columns = tables.segment.c
        # by key: another writer may have staged other bytes at the same place, and they count. All
        # in one value: a statement has places for 32767, and there may be more
        keys = func.any(bindparam("keys", [segment.key for segment in segments], ARRAY(Text)))
        await self.session.execute(
            delete(tables.segment).where(columns.upload_id == upload_id, columns.key == keys)
        )

    async def open_of(self, user_id: UserId) -> Open:
        found = await self.session.execute(slots.LOCKED_OPEN_OF, {"user_id": user_id})
        return slots.open_in(found)

    async def open_of_all(self) -> Open:
        return slots.open_in(await self.session.execute(slots.LOCKED_OPEN))

    async def taken_by(self, user_id: UserId) -> int:
        return int(await self.session.scalar(slots.TAKEN, {"user_id": user_id}) or 0)

    async def purged(self, upload_id: UploadId) -> None:
        await self.session.execute(slots.PURGED, {"upload_id": upload_id})

    async def present(self, upload: Upload) -> None:
        values = {
            "generation": upload.generation,
            "seen_at": func.clock_timestamp(),
            "asked": False,
        }
        entered = upsert(tables.writer).values(upload_id=upload.id, **values)
        await self.session.execute(
            entered.on_conflict_do_update(index_elements=["upload_id"], set_=values)
        )

    async def written(self, upload_id: UploadId) -> bool:
        alive = select(tables.writer.c.upload_id).where(
            tables.writer.c.upload_id == upload_id, beats()
        )
        return (await self.session.execute(alive)).one_or_none() is not None

    async def absent(self, upload_id: UploadId) -> None:
        columns = tables.writer.c
        await self.session.execute(delete(tables.writer).where(columns.upload_id == upload_id))

    async def hold(self, upload_id: UploadId) -> None:
        await self.session.execute(slots.HOLD, {"uploads": [upload_id], "lease": self.lease})

    async def publish(self, *messages: Message) -> None:
        await outbox.append(self.session, *map(_traced, messages))

    async def enqueue_verify(self, upload: Upload) -> None:
        # verified once; named by its asset, because job ids are logged and the upload's own id is
        # the capability of its address
        await self.jobs.enqueue(
            self.session,
            id=upload.asset_id,
            kind=VERIFY,
            subject=upload.id,
            payload={},
            max_attempts=_ATTEMPTS,
            traceparent=current_traceparent(),
        )

    async def revive(self, upload: Upload) -> bool:
        return await self.jobs.revive(self.session, upload.asset_id)

    async def bury(self, ticket: Ticket, error: str) -> None:
        if not isinstance(ticket, Job):
            raise TypeError("only a leased job can be buried")
        await self.jobs.fail(ticket, error, retry=False, session=self.session)

    async def close(self, ticket: Ticket) -> None:
        if not isinstance(ticket, Job):
            raise TypeError("only a leased job can be closed")
        await self.jobs.complete(self.session, ticket)


def beats() -> ColumnElement[bool]:
    """Whether a row of the table `writer` is of one that is at work now."""
    lately = func.clock_timestamp() - timedelta(seconds=SILENT)
    return tables.writer.c.seen_at > lately


def segments_query(upload_id: UploadId) -> Select[Any]:
    columns = tables.segment.c
    return select(tables.segment).where(columns.upload_id == upload_id).order_by(columns.start)


def _traced(message: Message) -> Message:
    if message.envelope.traceparent is not None:
        return message
    envelope = replace(message.envelope, traceparent=current_traceparent())
    return replace(message, envelope=envelope)


def upload_of(row: Row[Any]) -> Upload:
    return Upload(**row._mapping)  # noqa: SLF001  (SQLAlchemy's public name for it)


def part_of(row: Row[Any]) -> Part:
    return Part(row.number, row.etag, row.size, row.crc32c)


def segment_of(row: Row[Any]) -> Segment:
    return Segment(row.start, row.size, ObjectKey(row.key))
