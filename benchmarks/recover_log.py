"""A generated log for recoveries: assets that became ready, told by the models themselves.

`image` is all that is ever told of one image (eight facts), `lean` the four facts that design §9
counts; each with one state record.
"""

import secrets
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from catalog.domain.asset import Asset, Original, nothing
from catalog.domain.publication import publish
from catalog.domain.rendition import Output, Rendition, RenditionState
from catalog.domain.states import State
from common.clock import SystemClock
from common.events import (
    AssetReady,
    AssetRegistered,
    Fact,
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
    UserId,
    new_asset_id,
    new_event_id,
    new_upload_id,
    original_key,
    rendition_key,
    run_id,
)

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
OWNER = UserId(uuid.UUID(int=7))
NAME = "image-640"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ORIGINAL = MediaFacts(container="jpeg", codec="mjpeg", width=4000, height=3000)
SMALL = MediaFacts(container="webp", codec="webp", width=640, height=480)


@dataclass(frozen=True)
class Template:
    """The records of one asset, with the ids of which every other asset has others."""

    asset_id: bytes
    sha256: bytes
    messages: Sequence[Message]


def template(shape: str) -> Template:
    """One image that became ready."""
    asset = _asset(full=shape == "image")
    facts = _facts(asset, full=shape == "image")
    _, (record,) = publish(replace(nothing(asset), seen=True), clock=SystemClock(), cause=None)
    sha256 = asset.original.sha256 if asset.original else ""
    messages = [*_numbered(facts, str(asset.asset_id)), record]
    return Template(str(asset.asset_id).encode(), sha256.encode(), messages)


def _asset(*, full: bool) -> Asset:
    asset_id = new_asset_id()
    output = Output(
        key=rendition_key(asset_id, NAME, "webp"),
        size=40_000,
        sha256=secrets.token_hex(32),
        etag="e" * 32,
        content_type="image/webp",
        media=SMALL,
    )
    made = Rendition(
        run=run_id(asset_id, 1),
        name=NAME,
        profile=NAME,
        required=True,
        state=RenditionState.READY,
        output=output,
        ready_at=AT,
    )
    original = Original(
        size=4_000_000,
        sha256=secrets.token_hex(32),
        etag="e" * 32,
        content_type="image/jpeg",
    )
    return Asset(
        asset_id=asset_id,
        user_id=OWNER,
        upload_id=new_upload_id(),
        kind="image",
        key=original_key(asset_id, "jpg"),
        created_at=AT,
        state=State.READY,
        original=original,
        media=ORIGINAL,
        run=1,
        planned=True,
        renditions=(made,),
        stored_at=AT,
        ready_at=AT,
        # the last fact of a run moves only `applied`, and no state record tells of that
        applied={UPLOADS.name: 2, RENDITIONS.name: 2} if full else _ONCE,
        facts=3 if full else 2,
        version=3,
    )


_ONCE = {UPLOADS.name: 1, RENDITIONS.name: 1}


def _facts(asset: Asset, *, full: bool) -> list[Fact]:
    original, made = asset.original, asset.renditions[0].output
    if original is None or made is None:
        raise ValueError("a ready asset has both")
    about = {"asset_id": asset.asset_id, "user_id": asset.user_id, "kind": "image"}
    upload = {**about, "upload_id": asset.upload_id}
    stored = {
        "key": asset.key,
        "size": original.size,
        "sha256": original.sha256,
        "content_type": original.content_type,
    }
    run = {"asset_id": asset.asset_id, "run": run_id(asset.asset_id, 1)}
    completed = UploadCompleted(**upload, **stored, etag=original.etag)
    registered = AssetRegistered(**upload, **stored)
    ready = RenditionReady(
        **run,
        rendition=NAME,
        profile=NAME,
        key=made.key,
        size=made.size,
        sha256=made.sha256,
        etag=made.etag,
        content_type=made.content_type,
        media=made.media,
    )
    lean: list[Fact] = [completed, registered, ready, AssetReady(**run)]
    if not full:
        return lean
    plan = (PlannedRendition(rendition=NAME, profile=NAME, required=True),)
    return [
        UploadStarted(**upload, key=asset.key, declared_size=original.size),
        *lean[:2],
        ProcessingRequested(**about, **stored, run=run["run"]),
        MediaProbed(**run, media=ORIGINAL, plan=plan),
        *lean[2:],
        ProcessingFinished(**run, ready=(NAME,)),
    ]


def _numbered(facts: Sequence[Fact], key: str) -> Iterator[Message]:
    sources = {UPLOADS.name: UPLOAD_GATEWAY, ASSETS.name: CATALOG, RENDITIONS.name: TRANSCODER}
    told: dict[str, int] = {}
    for fact in facts:
        topic = fact.TOPIC.name
        told[topic] = told.get(topic, 0) + 1
        yield new_message(
            fact,
            source=sources[topic],
            key=key,
            sequence=told[topic],
            clock=SystemClock(),
            traceparent=TRACE,
        )


async def fill(kafka: str, places: Mapping[str, Topic], entities: int, shape: str) -> int:
    """Write the log of so many assets; how many records that is."""
    made = template(shape)
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks=1, linger_ms=20, max_batch_size=262_144
    )
    async with producer:
        for number in range(entities):
            asset_id, sha256 = str(new_asset_id()).encode(), b"%064x" % number
            for message in made.messages:
                value = (message.payload or b"").replace(made.asset_id, asset_id)
                await producer.send(
                    places[message.topic].name,
                    value.replace(made.sha256, sha256),
                    key=message.key.encode().replace(made.asset_id, asset_id),
                    headers=_headers(message, made, asset_id),
                )
    return entities * len(made.messages)


def _headers(message: Message, made: Template, asset_id: bytes) -> list[tuple[str, bytes]]:
    # in the order of our envelope: recovery reads that one faster than any other
    return [
        (name, _new_id() if name == "ce_id" else value.replace(made.asset_id, asset_id))
        for name, value in message.headers()
    ]


def _new_id() -> bytes:
    return str(new_event_id()).encode()
