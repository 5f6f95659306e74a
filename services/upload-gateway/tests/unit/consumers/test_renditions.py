from uuid import UUID

from gateway_support.bench import OWNER, Bench

from common.events import (
    AssetReady,
    Event,
    MediaProbed,
    ProcessingFailed,
    Received,
    RenditionReady,
    decode,
    new_message,
)
from common.events.v1.renditions import MediaFacts, PlannedRendition
from upload_gateway.consumers.assets import build_assets_handler
from upload_gateway.consumers.renditions import build_renditions_handler
from upload_gateway.domain.upload import Upload

RUN = UUID(int=6)
MEDIA = MediaFacts(container="flac", codec="flac")
DIGEST = "0" * 64


async def stored(bench: Bench) -> Upload:
    upload = await bench.sent(await bench.created(3), 0, b"abc")
    return await bench.verified(upload)


def received(bench: Bench, upload: Upload, event: Event, sequence: int) -> Received:
    key = str(upload.asset_id)
    message = new_message(event, source="any", key=key, sequence=sequence, clock=bench.clock)
    return decode(message.key.encode(), message.headers(), message.payload)


def probed(upload: Upload, *names: str) -> MediaProbed:
    plan = tuple(PlannedRendition(rendition=one, profile=one, required=True) for one in names)
    return MediaProbed(asset_id=upload.asset_id, run=RUN, media=MEDIA, plan=plan)


def made(upload: Upload, name: str) -> RenditionReady:
    return RenditionReady(
        asset_id=upload.asset_id,
        run=RUN,
        rendition=name,
        profile=name,
        key=f"u/{upload.asset_id}/{name}-0123456789abcdef.mp3",
        size=1,
        sha256=DIGEST,
        etag="e",
        content_type="audio/mpeg",
        media=MEDIA,
    )


async def test_the_owner_is_told_each_step_once_up_to_ready() -> None:
    bench = Bench()
    upload = await stored(bench)
    renditions = build_renditions_handler(bench.follow)
    for sequence, event in enumerate(
        (probed(upload, "mp3-192", "aac-128"), made(upload, "mp3-192"), made(upload, "aac-128")), 1
    ):
        for _ in range(2):  # at least once
            await renditions(received(bench, upload, event, sequence))
    ready = AssetReady(asset_id=upload.asset_id, run=RUN)
    await build_assets_handler(bench.mark_duplicate, bench.follow)(
        received(bench, upload, ready, 1)
    )
    described = await bench.describe(upload.id, OWNER)
    told = [told.entry for told in described.timeline]
    assert [entry.state for entry in told if entry.about == "upload"] == [
        "created", "receiving", "verifying", "stored",
    ]  # fmt: skip
    assert [
        (entry.state, entry.rendition, entry.ready, entry.planned)
        for entry in told
        if entry.about == "asset"
    ] == [
        ("processing", None, 0, 2),
        ("processing", "mp3-192", 1, 2),
        ("processing", "aac-128", 2, 2),
        ("ready", None, 2, 2),
    ]
    assert described.journey is not None
    assert described.journey.ready_at is not None


async def test_a_run_that_fails_before_its_plan_says_why() -> None:
    bench = Bench()
    upload = await stored(bench)
    event = ProcessingFailed(asset_id=upload.asset_id, run=RUN, reason="unreadable")
    await build_renditions_handler(bench.follow)(received(bench, upload, event, 1))
    assert bench.ledger.tables.entries[-1].reason == "unreadable"


async def test_an_asset_of_another_ledger_is_not_followed() -> None:
    bench = Bench()
    upload = await stored(bench)
    del bench.ledger.tables.uploads[upload.id]
    await build_renditions_handler(bench.follow)(received(bench, upload, probed(upload, "a"), 1))
    assert bench.ledger.tables.journeys == {}
