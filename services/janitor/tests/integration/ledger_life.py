"""A janitor's life on topics of its own: facts of others, its consumers, its worker, its relay."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter
from services.janitor.tests.unit.memory import MemoryRemover
from sqlalchemy import text

from common.clock import SystemClock
from common.events import (
    EVENT_TYPES,
    AssetPurgeDue,
    AssetRegistered,
    Event,
    Message,
    ObjectsPurgeDue,
    Received,
    RenditionReady,
    UploadCompleted,
    UploadExpired,
    UploadStarted,
    new_message,
)
from common.events.envelope import from_headers
from common.events.topics import (
    ASSETS,
    CATALOG_STATE,
    PURGES,
    RENDITIONS,
    UPLOADS,
    WATERMARKS,
    Topic,
)
from common.events.v1.renditions import MediaFacts
from common.ids import (
    AssetId,
    ObjectKey,
    new_asset_id,
    new_upload_id,
    original_key,
    rendition_key,
    run_id,
)
from common.jobs.queue import JobQueue
from common.kafka.producer import TransactionalSender
from common.kafka.topics import apply
from common.settings.groups import KafkaSettings
from common.testing.kafka import redirected, scratch_topic, unique
from common.testing.postgres import ScratchSchema, scratch
from janitor.adapters.postgres_orders import PURGE_KIND
from janitor.adapters.postgres_unit_of_work import PostgresUnitOfWork
from janitor.consumers.assets import build_assets_handler
from janitor.consumers.orders import OrderIntake
from janitor.consumers.renditions import build_renditions_handler
from janitor.consumers.uploads import build_uploads_handler
from janitor.usecases.carry_out_purge import CarryOutPurge
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.order_purge import OrderPurge

SOURCES = (UPLOADS, ASSETS, RENDITIONS, PURGES)
SHA = "0" * 64
USER = new_asset_id()


@dataclass
class Life:
    """One janitor and the log it lives by."""

    kafka: KafkaSettings
    schema: ScratchSchema
    topics: dict[str, Topic]
    state: Topic
    remover: MemoryRemover = field(default_factory=MemoryRemover)
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queue = JobQueue(self.schema.database)
        self.unit_of_work = PostgresUnitOfWork(self.schema.database, self.queue, SystemClock())
        declare = DeclareObject(self.unit_of_work)
        refusals = Counter("refused_orders", "test", registry=CollectorRegistry())
        intake = OrderIntake(OrderPurge(self.unit_of_work), refusals)
        self.handlers = {
            UPLOADS.name: build_uploads_handler(declare, intake),
            ASSETS.name: build_assets_handler(declare, intake),
            RENDITIONS.name: build_renditions_handler(declare),
        }

    @property
    def sources(self) -> list[Topic]:
        return list(self.topics.values())

    def fact(self, event: Event, source: str) -> Message:
        key = str(getattr(event, "asset_id"))  # noqa: B009 (every fact here has one)
        place = (event.TOPIC.name, key)
        self.sequences[place] = self.sequences.get(place, 0) + 1
        return new_message(
            event, source=source, key=key, sequence=self.sequences[place], clock=SystemClock()
        )

    async def publish(self, messages: Sequence[Message]) -> None:
        for name in {message.topic for message in messages}:
            topic = self.topics[name]
            owner = next(iter(topic.producers))
            sender = TransactionalSender(self.kafka, unique("life"), owner, topics=[topic])
            async with sender:
                await sender.send_batch([redirected(m, topic) for m in messages if m.topic == name])

    async def hear(self, messages: Sequence[Message]) -> None:
        """What the live consumers would do with them."""
        for message in messages:
            event = type_of(message)
            await self.handlers[message.topic](Received(message.envelope, message.key, event))

    async def tell(self, *messages: Message, heard: bool = True) -> None:
        """In Kafka, and (unless the consumers lag) in the ledger."""
        await self.publish(messages)
        if heard:
            await self.hear(messages)

    async def work(self) -> int:
        """Carry out every order that is due."""
        done = 0
        carry_out = CarryOutPurge(self.unit_of_work, self.remover)
        while (job := await self.queue.claim((PURGE_KIND,))) is not None:
            await carry_out(job)
            done += 1
        return done

    async def relay(self) -> int:
        """Publish what the outbox holds, and mark it."""
        async with self.schema.database.write() as session:
            rows = await session.execute(
                text("SELECT * FROM outbox WHERE published_at IS NULL ORDER BY position")
            )
            messages = [_message(row) for row in rows.all()]
            if messages:
                await self.publish(messages)
            await session.execute(
                text(
                    "UPDATE outbox SET published_at = clock_timestamp() WHERE published_at IS NULL"
                )
            )
        return len(messages)

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        async with self.schema.database.read() as session:
            return [tuple(row) for row in await session.execute(text(statement))]

    async def execute(self, *statements: str) -> None:
        async with self.schema.database.write() as session:
            for statement in statements:
                await session.execute(text(statement))

    async def ledger(self) -> dict[str, list[tuple[object, ...]]]:
        """What must come out the same: no times, which only the live ledger knows exactly."""
        return {
            "assets": await self.rows(
                "SELECT asset_id, sequence, dead_reason, dead_event_id FROM asset ORDER BY 1"
            ),
            "objects": await self.rows(
                "SELECT key, asset_id, state, reason, cause_event_id, ordered_by"
                " FROM stored_object ORDER BY 1"
            ),
            "orders": await self.rows(
                "SELECT id, asset_id, scope, reason, keys, cause_event_id,"
                " finished_at IS NOT NULL FROM purge ORDER BY 1"
            ),
        }

    def stored(self, asset: AssetId, keys: Sequence[ObjectKey]) -> list[Message]:
        """An upload that became an asset with renditions."""
        upload, original = new_upload_id(), keys[0]
        who = {"asset_id": asset, "upload_id": upload, "user_id": USER, "kind": "audio"}
        stored = {"key": original, "size": 1, "sha256": SHA, "content_type": "audio/flac"}
        return [
            self.fact(UploadStarted(**who, key=original), "upload-gateway"),
            self.fact(UploadCompleted(**who, **stored, etag="e"), "upload-gateway"),
            self.fact(AssetRegistered(**who, **stored), "catalog"),
            *(self.rendition(asset, key) for key in keys[1:]),
        ]

    def rendition(self, asset: AssetId, key: ObjectKey) -> Message:
        return self.fact(
            RenditionReady(
                asset_id=asset,
                run=run_id(asset, 1),
                rendition="mp3-192",
                profile="mp3-192",
                key=key,
                size=1,
                sha256=SHA,
                etag="e",
                content_type="audio/mpeg",
                media=MediaFacts(container="mp3", codec="mp3"),
            ),
            "transcoder",
        )

    def purge_due(self, asset: AssetId, keys: Sequence[ObjectKey]) -> Message:
        fact = AssetPurgeDue(asset_id=asset, reason="deleted", keys=tuple(keys))
        return self.fact(fact, "catalog")

    def replaced(self, asset: AssetId, keys: Sequence[ObjectKey]) -> Message:
        fact = ObjectsPurgeDue(asset_id=asset, reason="replaced", keys=tuple(keys))
        return self.fact(fact, "catalog")

    def expired(self, asset: AssetId, keys: Sequence[ObjectKey]) -> list[Message]:
        who = {
            "asset_id": asset,
            "upload_id": new_upload_id(),
            "user_id": USER,
            "kind": "audio",
        }
        return [
            self.fact(UploadStarted(**who, key=keys[0]), "upload-gateway"),
            self.fact(UploadExpired(**who, keys=tuple(keys)), "upload-gateway"),
        ]


def keys(asset: AssetId) -> list[ObjectKey]:
    return [original_key(asset, "flac"), rendition_key(asset, "mp3-192", "mp3")]


async def a_life(life: Life, assets: int = 3) -> dict[str, AssetId]:
    """Living, purged, replaced, expired and condemned assets; the last order is not carried out."""
    made = {}
    for _ in range(assets):
        for what in ("living", "purged", "replaced", "expired"):
            made[what] = asset = new_asset_id()
            owned = keys(asset)
            if what == "expired":
                await life.tell(*life.expired(asset, owned[:1]))
                continue
            await life.tell(*life.stored(asset, owned))
            if what == "purged":
                await life.tell(life.purge_due(asset, owned))
            if what == "replaced":
                await life.tell(life.replaced(asset, owned[1:]))
    await life.work()
    await life.relay()
    made["late"] = made["purged"]
    await life.tell(life.rendition(made["late"], rendition_key(made["late"], "aac-128", "m4a")))
    made["waiting"] = new_asset_id()
    owned = keys(made["waiting"])
    await life.tell(*life.stored(made["waiting"], owned))
    await life.tell(life.purge_due(made["waiting"], owned))
    return made


async def a_log(kafka: KafkaSettings, *topics: Topic) -> Topic:
    """Topics, and one of state that begins with a name that no other log has."""
    state = scratch_topic(CATALOG_STATE)
    await apply(kafka, [*topics, state], state=state)
    return state


@asynccontextmanager
async def open_life(kafka: KafkaSettings, admin_url: str) -> AsyncIterator[Life]:
    topics = {topic.name: scratch_topic(topic) for topic in SOURCES}
    state = await a_log(kafka, *topics.values(), WATERMARKS)
    async with scratch(admin_url, "janitor") as schema:
        yield Life(kafka, schema, topics, state)


def type_of(message: Message) -> Event:
    return EVENT_TYPES[message.envelope.type].model_validate_json(message.payload or b"")


def _message(row: object) -> Message:
    headers = getattr(row, "headers")  # noqa: B009
    headers = json.loads(headers) if isinstance(headers, str) else headers
    pairs = [(name, value.encode()) for name, value in headers.items()]
    topic, key, payload = (getattr(row, name) for name in ("topic", "key", "payload"))
    return Message(topic, key, from_headers(pairs), payload)
