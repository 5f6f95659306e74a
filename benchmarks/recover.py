"""How many entities a second `reprise recover catalog` brings back, and in how much memory.

    python benchmarks/recover.py --kafka HOST:PORT --postgres postgresql://admin@HOST:PORT/postgres

A generated log on the real broker: each asset with its facts and its state record, in topics of its
own; rows into a schema of its own, in a process of its own, so that its peak of memory is its own.
`--shape image` is all that is ever told of one image, `lean` the four facts that design §9 counts.
"""

import argparse
import asyncio
import json
import secrets
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from catalog.domain.asset import Asset, Original, nothing
from catalog.domain.publication import publish
from catalog.domain.rendition import Output, Rendition, RenditionState
from catalog.domain.states import State
from catalog.recovery.assembly import TOPICS, build_rebuild, build_untold, open_log
from common.clock import SystemClock
from common.events import (
    AssetReady,
    AssetRegistered,
    Event,
    MediaFacts,
    MediaProbed,
    Message,
    PlannedRendition,
    ProcessingFinished,
    ProcessingRequested,
    RenditionReady,
    UploadCompleted,
    UploadStarted,
    new_message,
)
from common.events.topics import (
    ASSETS,
    CATALOG,
    RENDITIONS,
    TRANSCODER,
    UPLOAD_GATEWAY,
    UPLOADS,
    Topic,
)
from common.ids import (
    AssetId,
    UploadId,
    UserId,
    new_asset_id,
    new_event_id,
    new_upload_id,
    original_key,
    rendition_key,
    run_id,
)
from common.kafka.topics import apply
from common.postgres.engine import open_engine
from common.settings.groups import KafkaSettings, PostgresSettings
from common.testing.kafka import unique
from common.testing.postgres import scratch

PROFILE: list[str] = []
GRACE = timedelta(days=30)


@dataclass(frozen=True)
class Template:
    """The records of one asset, with the ids that every other asset has others of."""

    asset_id: bytes
    sha256: bytes
    messages: Sequence[Message]


def template(shape: str) -> Template:
    """One image that became ready, told by the models themselves."""
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    asset_id, upload_id, user_id = new_asset_id(), new_upload_id(), UserId(uuid.UUID(int=7))
    run, sha256 = run_id(asset_id, 1), secrets.token_hex(32)
    key, output = original_key(asset_id, "jpg"), rendition_key(asset_id, "image-640", "webp")
    media = MediaFacts(container="jpeg", codec="mjpeg", width=4000, height=3000)
    who = {"asset_id": asset_id, "upload_id": upload_id, "user_id": user_id, "kind": "image"}
    bytes_ = {"key": key, "size": 4_000_000, "sha256": sha256, "content_type": "image/jpeg"}
    made = Output(
        key=output, size=40_000, sha256=secrets.token_hex(32), etag="e" * 32,
        content_type="image/webp", media=MediaFacts(container="webp", codec="webp", width=640, height=480),
    )  # fmt: skip
    full = shape == "image"
    asset = Asset(
        asset_id=AssetId(asset_id), user_id=user_id, upload_id=UploadId(upload_id), kind="image",
        key=key, created_at=at, state=State.READY, media=media, run=1,
        original=Original(size=4_000_000, sha256=sha256, etag="e" * 32, content_type="image/jpeg"),
        planned=True, stored_at=at, ready_at=at, facts=3 if full else 2, version=3,
        applied={UPLOADS.name: 2 if full else 1, RENDITIONS.name: 2 if full else 1},
        renditions=(
            Rendition(
                run=run, name="image-640", profile="image-640", required=True,
                state=RenditionState.READY, output=made, ready_at=at,
            ),
        ),
    )  # fmt: skip
    ready = RenditionReady(
        asset_id=asset_id, run=run, rendition="image-640", profile="image-640", key=output,
        size=made.size, sha256=made.sha256, etag=made.etag, content_type=made.content_type,
        media=made.media,
    )  # fmt: skip
    completed = UploadCompleted(**who, **bytes_, etag="e" * 32)
    registered = AssetRegistered(**who, **bytes_)
    told = AssetReady(asset_id=asset_id, run=run)
    plan = (PlannedRendition(rendition="image-640", profile="image-640", required=True),)
    events: list[Event] = [completed, registered, ready, told]
    if full:
        asked = {k: v for k, v in who.items() if k != "upload_id"}
        events = [
            UploadStarted(**who, key=key, declared_size=4_000_000), completed,
            registered, ProcessingRequested(**asked, run=run, **bytes_),
            MediaProbed(asset_id=asset_id, run=run, media=media, plan=plan), ready, told,
            ProcessingFinished(asset_id=asset_id, run=run, ready=("image-640",)),
        ]  # fmt: skip
    _, (record,) = publish(replace(nothing(asset), seen=True), clock=SystemClock(), cause=None)
    return Template(str(asset_id).encode(), sha256.encode(), [*_numbered(events), record])


def _numbered(events: Sequence[Event]) -> Iterator[Message]:
    sources = {UPLOADS.name: UPLOAD_GATEWAY, ASSETS.name: CATALOG, RENDITIONS.name: TRANSCODER}
    told: dict[str, int] = {}
    for event in events:
        topic = event.TOPIC.name
        told[topic] = told.get(topic, 0) + 1
        yield new_message(
            event, source=sources[topic], key=str(event.asset_id),  # type: ignore[attr-defined]
            sequence=told[topic], clock=SystemClock(),
            traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        )  # fmt: skip


async def fill(bootstrap: str, places: dict[str, Topic], entities: int, shape: str) -> int:
    """Write the log of so many assets; how many records that is."""
    made = template(shape)
    headers = {
        id(message): [pair for pair in message.headers() if pair[0] != "ce_id"]
        for message in made.messages
    }
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks=1, linger_ms=20, max_batch_size=262_144
    )
    async with producer:
        for number in range(entities):
            asset_id = str(new_asset_id()).encode()
            sha256 = b"%064x" % number
            for message in made.messages:
                value = (message.payload or b"").replace(made.asset_id, asset_id)
                await producer.send(
                    places[message.topic].name,
                    value.replace(made.sha256, sha256),
                    key=message.key.encode().replace(made.asset_id, asset_id),
                    headers=[
                        ("ce_id", str(new_event_id()).encode()),
                        *((name, item.replace(made.asset_id, asset_id)) for name, item in headers[id(message)]),
                    ],
                )  # fmt: skip
    return entities * len(made.messages)


class Silent:
    """Progress that nobody watches; when each step began."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    def begin(self, step: str, total: int | None) -> None:
        self.began[step] = time.perf_counter()

    def advance(self, count: int) -> None:
        pass


async def recover(kafka: str, postgres: str, places: dict[str, Topic]) -> dict[str, Any]:
    """One recovery into an empty schema, in this process."""
    patient = PostgresSettings(url=SecretStr(postgres), pool_size=3, statement_timeout=3600)
    async with (
        scratch(postgres, "catalog") as schema,
        open_engine(patient, schema=schema.name) as database,
    ):
        settings, progress = KafkaSettings(bootstrap=kafka), Silent()
        log, clock = open_log(settings, places), SystemClock()
        rebuild = build_rebuild(
            database, log, grace=GRACE, clock=clock, progress=progress, places=places
        )
        began, cpu = time.perf_counter(), time.process_time()
        await rebuild(await log.ends())
        await build_untold(database, grace=GRACE, clock=clock, progress=progress)()
        took = time.perf_counter() - began
        marks = [*progress.began.items(), ("", began + took)]
        steps = {
            name: round(end - start, 1)
            for (name, start), (_, end) in zip(marks, marks[1:], strict=False)
        }
        return {
            "seconds": took,
            "cpu": time.process_time() - cpu,
            "steps": steps,
            "peak_mib": _peak_mib(),
        }


def _peak_mib() -> int:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


async def run(
    kafka: str, postgres: str, *, sizes: Sequence[int] = (10_000, 100_000), shape: str = "lean"
) -> list[dict[str, Any]]:
    """One row for each size: entities a second, seconds, peak memory of the recovering process."""
    rows = []
    for size in sizes:
        places = {
            topic.name: replace(topic, name=unique(f"bench.{topic.name}")) for topic in TOPICS
        }
        await apply(KafkaSettings(bootstrap=kafka), list(places.values()))
        records = await fill(kafka, places, size, shape)
        child = await asyncio.create_subprocess_exec(
            sys.executable, *PROFILE, __file__, "--kafka", kafka, "--postgres", postgres, "--child",
            json.dumps({name: topic.name for name, topic in places.items()}),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await child.communicate()
        if child.returncode:
            raise SystemExit(f"the recovery of {size} entities failed")
        found = json.loads(out)
        rows.append(
            {
                "entities": size,
                "records": records,
                "per_second": round(size / found["seconds"]),
                **found,
            }
        )
    return rows


def child(options: argparse.Namespace) -> None:
    names = json.loads(options.child)
    places = {topic.name: replace(topic, name=names[topic.name]) for topic in TOPICS}
    print(json.dumps(uvloop.run(recover(options.kafka, options.postgres, places))))


async def main(options: argparse.Namespace) -> None:
    for size in options.entities:
        (row,) = await run(options.kafka, options.postgres, sizes=[size], shape=options.shape)
        print(
            f"{row['entities']:>9,} entities, {row['records']:>9,} records: {row['per_second']:>7,} entities/s,"
            f" {row['seconds']:.1f} s ({row['cpu']:.1f} s of own CPU), peak {row['peak_mib']} MiB  {row['steps']}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--postgres", required=True)
    parser.add_argument("--entities", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--shape", choices=("lean", "image"), default="lean")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        child(chosen)
    else:
        uvloop.run(main(chosen))
