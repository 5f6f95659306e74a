"""From the catalog's request to the last fact, on a real database and store.

In the real sandbox.
"""

import hashlib
from pathlib import Path

import pytest
from services.transcoder.tests import media
from services.transcoder.tests.integration.real_world import RealWorld
from services.transcoder.tests.memory import a_request

from common import failpoints
from common.clock import SystemClock
from common.events import (
    AssetDeleted,
    AssetPurged,
    AssetPurgeDue,
    AssetRestored,
    MediaDetails,
    MediaProbed,
    ProcessingFailed,
    RenditionFailed,
    RenditionReady,
)
from common.testing.waiting import eventually
from transcoder.domain.claim import PROBE

pytestmark = pytest.mark.integration

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n"


@pytest.mark.req("TRX-03")
async def test_a_flac_gets_its_tiers_and_its_original_stays_bit_identical(
    world: RealWorld, flac: Path
) -> None:
    request = await world.uploaded(flac, kind="audio", content_type="audio/flac")
    await world.heard(request)
    await world.work()
    facts = await world.facts()
    ready = [fact for fact in facts if isinstance(fact, RenditionReady)]
    assert {fact.rendition for fact in ready} == {"mp3-192", "aac-128"}
    for fact in ready:
        data = await world.store.get(fact.key)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (fact.size, fact.sha256)
        head = await world.store.head(fact.key)
        assert head is not None
        assert (head.etag, head.content_type) == (fact.etag, fact.content_type)
        assert media.CANARY.encode() not in data
    original = await world.store.get(request.key)
    assert hashlib.sha256(original).hexdigest() == request.sha256
    assert set(await world.keys(request.asset_id)) == {request.key} | {f.key for f in ready}


async def test_names_go_on_the_road_of_names_and_nowhere_else(world: RealWorld, flac: Path) -> None:
    request = await world.uploaded(flac, kind="audio", content_type="audio/flac")
    await world.heard(request)
    await world.work([PROBE])
    rows = await world.rows("SELECT key, payload, type FROM outbox ORDER BY position")
    details = MediaDetails.model_validate_json(rows[1]["payload"])
    assert rows[1]["key"] == f"transcoder/{request.asset_id}"
    assert details.tags == {"title": media.CANARY, "comment": media.CANARY}
    assert media.CANARY.encode() not in rows[0]["payload"]
    (row,) = await world.rows("SELECT * FROM processing")
    assert [name for name, value in row.items() if media.CANARY in str(value)] == ["details"]
    await world.heard(AssetPurged(asset_id=request.asset_id, reason="deleted", objects=3), times=2)
    assert media.CANARY not in str(await world.rows("SELECT * FROM processing"))
    last = (await world.rows("SELECT key, payload, sequence FROM outbox ORDER BY position"))[-1]
    assert (last["key"], last["payload"], last["sequence"]) == (rows[1]["key"], None, 2)


@pytest.mark.req("TRX-09")
async def test_an_event_delivered_twice_starts_each_encoder_once(
    world: RealWorld, flac: Path
) -> None:
    request = await world.uploaded(flac, kind="audio", content_type="audio/flac")
    await world.heard(request, times=2)
    await world.work()
    await world.heard(request, times=2)  # the same request under another event id
    await world.work()
    for rendition in ("mp3-192", "aac-128"):
        assert world.count("encoder_runs_total", rendition=rendition) == 1
    assert world.count("probes_total", outcome="ok") == 1
    assert len(await world.keys(request.asset_id)) == 3


async def test_a_photo_and_a_video_get_what_their_kind_needs(
    world: RealWorld, tmp_path: Path
) -> None:
    photo = media.photo(tmp_path / "p.jpg")
    clip = media.video(tmp_path / "v.mp4", seconds=1)
    for file, kind, content_type in (
        (photo, "image", "image/jpeg"),
        (photo, "avatar", "image/jpeg"),
        (clip, "video", "video/mp4"),
    ):
        await world.heard(await world.uploaded(file, kind=kind, content_type=content_type))  # type: ignore[arg-type]
    await world.work()
    ready = [fact for fact in await world.facts() if isinstance(fact, RenditionReady)]
    made = sorted(fact.rendition for fact in ready)
    assert made == ["image-640", "image-640", "poster", "video-1080"]
    assert (await world.told()).count("ProcessingFinished") == 3
    for fact in ready:
        assert media.CANARY.encode() not in await world.store.get(fact.key)


async def test_a_truncated_flac_fails_with_its_reason_and_keeps_its_original(
    world: RealWorld, flac: Path, tmp_path: Path
) -> None:
    cut = media.cut(flac, tmp_path / "cut.flac")
    request = await world.uploaded(cut, kind="audio", content_type="audio/flac")
    await world.heard(request)
    await world.work()
    (fact,) = [f for f in await world.facts() if not isinstance(f, MediaDetails)]
    assert isinstance(fact, ProcessingFailed)
    assert fact.reason == "truncated"
    assert await world.keys(request.asset_id) == [request.key]
    original = await world.store.get(request.key)
    assert hashlib.sha256(original).hexdigest() == request.sha256


@pytest.mark.parametrize("target", ["file", "http"])
async def test_a_playlist_named_mp4_ends_failed_and_puts_nothing_into_the_store(
    world: RealWorld, tmp_path: Path, target: str
) -> None:
    canary = media.video(tmp_path / "tenant.ts", seconds=1)
    named = f"file://{canary}" if target == "file" else "http://127.0.0.1:9/x.ts"
    (tmp_path / "list.mp4").write_text(PLAYLIST.format(target=named))
    request = await world.uploaded(tmp_path / "list.mp4", kind="video", content_type="video/mp4")
    await world.heard(request)
    await world.work()
    (fact,) = await world.facts()
    assert isinstance(fact, ProcessingFailed)
    assert fact.reason == "unsupported"
    assert await world.keys(request.asset_id) == [request.key]


async def test_an_original_that_is_gone_or_changed_is_never_encoded(
    world: RealWorld, flac: Path
) -> None:
    gone = a_request(size=10)
    changed = await world.uploaded(flac, kind="audio", content_type="audio/flac")
    changed = changed.model_copy(update={"sha256": "0" * 64})
    await world.heard(gone)
    await world.heard(changed)
    await world.work()
    reasons = {fact.asset_id: fact.reason for fact in await world.facts()}
    assert reasons == {gone.asset_id: "source_missing", changed.asset_id: "source_changed"}


async def test_a_step_that_dies_after_its_output_is_made_again_under_another_key(
    world: RealWorld, flac: Path
) -> None:
    request = await world.uploaded(flac, kind="audio", content_type="audio/flac")
    await world.heard(request)
    await world.work([PROBE])
    failpoints.activate("transcoder.after_output=raise")
    job = await world.queue.claim(["step"])
    assert job is not None
    with pytest.raises(Exception, match="failpoint"):
        await world.handlers.run_step(job)
    failpoints.clear()
    orphans = set(await world.keys(request.asset_id)) - {request.key}
    assert len(orphans) == 1
    assert "RenditionReady" not in await world.told()
    await world.work()
    ready = [fact for fact in await world.facts() if isinstance(fact, RenditionReady)]
    assert len(ready) == 2
    assert not orphans & {fact.key for fact in ready}


async def test_a_deleted_asset_is_stopped_and_a_restored_one_goes_on(
    world: RealWorld, flac: Path
) -> None:
    request = await world.uploaded(flac, kind="audio", content_type="audio/flac")
    await world.heard(request)
    await world.work([PROBE])
    now = SystemClock().now()
    deleted = AssetDeleted(asset_id=request.asset_id, generation=2, restorable_until=now)
    await world.heard(deleted, times=2)
    assert await world.open_jobs(["step"]) == 0
    await world.heard(AssetRestored(asset_id=request.asset_id, generation=3), times=2)
    assert await world.open_jobs(["step"]) == 2
    await world.work()
    assert (await world.told())[-1] == "ProcessingFinished"
    await world.heard(AssetPurgeDue(asset_id=request.asset_id, reason="deleted", keys=()))
    await world.heard(request)
    assert await world.open_jobs(["probe", "step"]) == 0


async def test_facts_of_one_asset_are_numbered_without_a_gap(world: RealWorld, flac: Path) -> None:
    request = await world.uploaded(flac, kind="audio", content_type="audio/flac")
    await world.heard(request)
    await world.work()
    rows = await world.rows(
        "SELECT sequence, headers FROM outbox WHERE topic = 'media.renditions.v1' ORDER BY position"
    )
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4]
    assert all("ce_causationid" in row["headers"] for row in rows)


async def test_the_scratch_is_empty_when_all_is_done(world: RealWorld, flac: Path) -> None:
    await world.heard(await world.uploaded(flac, kind="audio", content_type="audio/flac"))
    await world.work()
    left = [path.name for path in world.scratch.rglob("*") if path.is_file()]
    assert set(left) == {".lock"}
    await eventually(lambda: not list(world.scratch.rglob("source")))


async def test_a_low_source_is_left_as_it_is(world: RealWorld, tmp_path: Path) -> None:
    low = media.sound(tmp_path / "low.mp3", "-b:a", "128k", seconds=4)
    await world.heard(await world.uploaded(low, kind="audio", content_type="audio/mpeg"))
    await world.work()
    facts = [fact for fact in await world.facts() if not isinstance(fact, MediaDetails)]
    assert [type(fact).__name__ for fact in facts] == ["MediaProbed", "ProcessingFinished"]
    assert isinstance(facts[0], MediaProbed)
    assert {step.rendition for step in facts[0].skipped} == {"mp3-192", "aac-128"}
    assert not [fact for fact in facts if isinstance(fact, RenditionFailed)]
