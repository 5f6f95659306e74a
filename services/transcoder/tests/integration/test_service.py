"""The real process: what it says of itself, what it refuses, and what a kill leaves behind."""

import asyncio
import signal
from pathlib import Path

import pytest
from services.transcoder.tests import media
from services.transcoder.tests.integration.real_world import RealWorld
from services.transcoder.tests.integration.service_process import service
from services.transcoder.tests.integration.walls import descendants, running

from common.events import RenditionReady
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


async def test_it_names_its_sandbox_and_its_encoder_and_stops_when_told(
    world: RealWorld, tmp_path: Path
) -> None:
    scratch = tmp_path / "own"
    async with service(world, scratch) as transcoder:
        await transcoder.ready()
        told = (await transcoder.get("/info")).json()
        assert told["sandbox"] == "bwrap"
        assert told["ffmpeg"][0].isdigit()
        metrics = (await transcoder.get("/metrics")).text
        assert 'media_transcoder_sandbox_level{level="bwrap"} 1.0' in metrics
        transcoder.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(transcoder.process.wait(), 20) == 0
    assert not list(scratch.glob("worker-*"))


async def test_it_does_not_start_without_bubblewrap(world: RealWorld, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("ffmpeg", "ffprobe", "prlimit"):
        (programs / program).symlink_to(f"/usr/bin/{program}")
    async with service(world, tmp_path / "own", {"PATH": str(programs)}) as transcoder:
        assert await asyncio.wait_for(transcoder.process.wait(), 30) != 0
        said = await asyncio.to_thread(transcoder.log.read_text)
    assert "no sandbox, not starting: bwrap is not installed" in said


async def test_a_job_whose_worker_is_killed_in_the_middle_is_taken_over(
    world: RealWorld, tmp_path: Path
) -> None:
    scratch = tmp_path / "own"
    clip = media.video(tmp_path / "v.mp4", seconds=6, size="1280x720")
    request = await world.uploaded(clip, kind="video", content_type="video/mp4")
    await world.heard(request)
    async with service(world, scratch) as first:
        await first.ready()
        await eventually(
            lambda: bool(running("ffmpeg", descendants(first.process.pid))), timeout=30
        )
        encoders = running("ffmpeg", descendants(first.process.pid))
        await first.kill()
        await eventually(lambda: not running("ffmpeg", encoders))
    left = list(scratch.glob("worker-*/job-*"))
    assert left
    async with service(world, scratch) as second:
        await second.ready()
        assert not [path for path in left if path.exists()]

        async def finished() -> bool:
            return "ProcessingFinished" in await world.told()

        await eventually(finished, timeout=60)
    facts = await world.facts()
    ready = [fact.rendition for fact in facts if isinstance(fact, RenditionReady)]
    assert sorted(ready) == ["poster", "video-1080"]
    (job,) = await world.rows(
        "SELECT attempt FROM job WHERE payload->>'rendition' = 'video-1080' AND state = 'done'"
    )
    assert job["attempt"] == 2
