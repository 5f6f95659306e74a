"""How fast a delivery index and the janitor's ledger are rebuilt from a real log.

A part of `make bench-events`. Topics, schema and folder are its own; the log is written first and
not timed.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from uuid import UUID

from benchmarks.place import Place
from benchmarks.table import Row
from pydantic import SecretStr

from common.clock import SystemClock
from common.events import (
    AssetPurgeDue,
    AssetRegistered,
    AssetState,
    EpochState,
    Event,
    Message,
    ObjectPurged,
    StoredObject,
    UploadStarted,
    new_message,
)
from common.events.topics import ASSETS, CATALOG_STATE, PURGES, RENDITIONS, UPLOADS, Topic
from common.ids import AssetId, EventId, new_asset_id, new_event_id, new_upload_id, original_key
from common.kafka.producer import TransactionalSender
from common.kafka.topics import apply
from common.postgres.streams import open_for_reading
from common.settings.groups import KafkaSettings
from common.subscriber.replay import Replay
from common.testing.kafka import redirected, scratch_topic, unique
from common.testing.postgres import scratch
from delivery.adapters.index_files import IndexFiles
from delivery.commands.index_rebuild import IndexRebuild
from janitor.commands.ledger_rebuild import LedgerRebuild

BATCH = 2000
SHA = "0" * 64
CLOCK = SystemClock()


async def measure(place: Place) -> list[Row]:
    """Both projections, with the largest number of assets that was asked for."""
    assets = max(place.entities)
    return [
        *await index(place.kafka, assets),
        *await ledger(place.kafka, place.postgres, assets),
    ]


async def index(kafka: KafkaSettings, assets: int) -> list[Row]:
    """State records of about 2 kB with five objects each, into a folder without an index."""
    topic = scratch_topic(CATALOG_STATE)
    await apply(kafka, [topic])
    epoch = _message(EpochState(epoch=new_event_id()), topic, "meta/epoch", "catalog", 1)
    await _write(kafka, topic, [epoch])
    await _write(kafka, topic, _states(topic, assets))
    with tempfile.TemporaryDirectory() as folder:
        rebuild = IndexRebuild(kafka, IndexFiles(Path(folder)), CLOCK, lambda *_: None, topic)
        begun, worked = time.perf_counter(), time.process_time()
        path, _ = await rebuild.build(restart=False)
        took, worked = time.perf_counter() - begun, time.process_time() - worked
        rebuild.files.offer()
        swap = time.perf_counter()
        await rebuild.hand_over(path, within=30)
        swapped = time.perf_counter() - swap
    return [
        Row(
            "delivery index: read and compare",
            f"{assets / took:,.0f} records/s",
            f"{assets / worked:,.0f} per CPU second, {assets:,} records",
        ),
        Row("delivery index: hand-over", f"{swapped:.2f} s", "node not running"),
    ]


async def ledger(kafka: KafkaSettings, postgres: str, assets: int) -> list[Row]:
    """Two declarations an asset; every tenth is purged, with its proof."""
    topics = {topic.name: scratch_topic(topic) for topic in (UPLOADS, ASSETS, RENDITIONS, PURGES)}
    await apply(kafka, list(topics.values()))
    ids = [new_asset_id() for _ in range(assets)]
    records = 0
    for topic, source in ((UPLOADS, "upload-gateway"), (ASSETS, "catalog"), (PURGES, "janitor")):
        target = topics[topic.name]
        records += await _write(kafka, target, _facts(topic, target, ids, source))
    async with scratch(postgres, "janitor") as schema:
        url = SecretStr(schema.url)
        async with (
            open_for_reading(url, schema.name) as database,
            Replay(kafka, list(topics.values())) as replay,
        ):
            rebuild = LedgerRebuild(kafka, database, CLOCK, lambda *_: None, tuple(topics.values()))
            begun = time.perf_counter()
            found = await rebuild.build(replay, restart=True)
            took = time.perf_counter() - begun
            swapped = await rebuild.swap(replay, "benchmark", found)
            again = await rebuild.build(replay, restart=True)
            full = await rebuild.swap(replay, "benchmark", again)
    return [
        Row(
            "janitor ledger: read, conclude, compare",
            f"{records / took:,.0f} records/s",
            f"{records:,}",
        ),
        Row("janitor ledger: locked, live one empty", f"{swapped.locked:.2f} s"),
        Row(
            "janitor ledger: locked, live one full", f"{full.locked:.2f} s", f"{again.rows:,} rows"
        ),
    ]


def _states(topic: Topic, assets: int) -> Iterator[Message]:
    for _ in range(assets):
        asset = new_asset_id()
        state = AssetState(
            asset_id=asset,
            user_id=asset,
            upload_id=new_upload_id(),
            kind="audio",
            state="ready",
            visibility="public",
            generation=1,
            objects=tuple(_object(asset, number) for number in range(5)),
        )
        yield _message(state, topic, f"asset/{asset}", "catalog", 1)


def _object(asset: UUID, number: int) -> StoredObject:
    return StoredObject(
        rendition=f"tier-{number}",
        key=original_key(AssetId(asset), "flac"),
        size=40_000_000,
        sha256=SHA,
        etag="0123456789abcdef0123456789abcdef",
        content_type="audio/flac",
        duration=241.5,
        bit_rate=320_000,
    )


def _facts(topic: Topic, target: Topic, ids: Sequence[AssetId], source: str) -> Iterator[Message]:
    for number, asset in enumerate(ids):
        key, purged = f"u/{asset}/original-0123456789abcdef.flac", number % 10 == 0
        due = EventId(UUID(int=asset.int ^ 1))
        who = {"asset_id": asset, "upload_id": asset, "user_id": asset, "kind": "audio"}
        if topic is UPLOADS:
            yield _message(UploadStarted(**who, key=key), target, str(asset), source, 1)
        if topic is ASSETS:
            stored = {"key": key, "size": 1, "sha256": SHA, "content_type": "audio/flac"}
            yield _message(AssetRegistered(**who, **stored), target, str(asset), source, 1)
            if purged:
                fact = AssetPurgeDue(asset_id=asset, reason="deleted", keys=(key,))
                message = _message(fact, target, str(asset), source, 2)
                yield replace(message, envelope=replace(message.envelope, id=due))
        if topic is PURGES and purged:
            gone = _message(
                ObjectPurged(asset_id=asset, key=key, reason="deleted"),
                target,
                str(asset),
                source,
                1,
            )
            yield replace(gone, envelope=replace(gone.envelope, causation_id=str(due)))


def _message(event: Event, topic: Topic, key: str, source: str, sequence: int) -> Message:
    made = new_message(event, source=source, key=key, sequence=sequence, clock=CLOCK)
    return redirected(made, topic)


async def _write(kafka: KafkaSettings, topic: Topic, messages: Iterable[Message]) -> int:
    owner, left, count = next(iter(topic.producers)), iter(messages), 0
    async with TransactionalSender(kafka, unique("bench"), owner, topics=[topic]) as sender:
        while batch := list(islice(left, BATCH)):
            await sender.send_batch(batch)
            count += len(batch)
    return count
