"""Hostile files against the real sandbox, and control runs that show the files to be hostile."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from services.transcoder.tests import media
from services.transcoder.tests.integration.walls import Workbench, descendants, running

from common.errors import RepriseError
from common.testing.waiting import eventually
from transcoder.adapters.bwrap_sandbox import BwrapSandbox
from transcoder.adapters.confined_process import run_process
from transcoder.adapters.sandbox import Mounts, SandboxUnavailable
from transcoder.adapters.sandbox_levels import open_sandbox
from transcoder.adapters.tool_failures import failure_of
from transcoder.domain.budget import MIB, PROBE, Budget
from transcoder.domain.errors import MEDIA_FAILURES
from transcoder.domain.media_info import MediaInfo

pytestmark = pytest.mark.integration

BUDGET = Budget(wall_seconds=20, cpu_seconds=20, memory=2048 * MIB, output=16 * MIB)
BELIEVED = MediaInfo("mov", "h264", duration=2.0, width=320, height=240, channels=2)
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {target}\n"


@dataclass
class Listener:
    """Counts who comes."""

    port: int = 0
    visits: list[bytes] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits.append(await reader.readline())
        writer.write(b"HTTP/1.0 404 Not Found\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    found = Listener()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Somebody else's file: a real MPEG-TS, because FFmpeg itself refuses other endings."""
    folder = tmp_path / "other"
    folder.mkdir()
    return media.video(folder / "tenant.ts", size="320x240", seconds=1)


def hostile(folder: Path, form: str, target: str) -> Path:
    """A playlist that is named as if it were a video, where the canary is a neighbour."""
    place = folder / "job"
    place.mkdir(exist_ok=True)
    file = place / "source.mp4"
    file.write_text(form.format(target=target))
    return file


def outside(*arguments: str | Path) -> int:
    """FFmpeg without sandbox; the bytes it could write."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, check=False, timeout=30, capture_output=True)
    file = Path(arguments[-1])
    return file.stat().st_size if done.returncode == 0 and file.exists() else 0


async def attempts(bench: Workbench, file: Path) -> None:
    """The job's own way (probe), and the encoder as if a probe had let the file through."""
    for attempt in (
        bench.probed(file, "video/mp4"),
        bench.encoded("video-1080", file, "video/mp4", BELIEVED),
        bench.encoded("poster", file, "video/mp4", BELIEVED),
    ):
        with pytest.raises(RepriseError) as caught:
            await attempt
        assert isinstance(caught.value, MEDIA_FAILURES)


def written(bench: Workbench) -> int:
    return sum(file.stat().st_size for file in (bench.folder / "out").rglob("*"))


@pytest.mark.parametrize("form", [HLS, CONCAT], ids=["hls", "concat"])
@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
async def test_a_playlist_named_mp4_reads_nobodys_file(
    bench: Workbench, canary: Path, form: str, relative: bool
) -> None:
    target = "../other/tenant.ts" if relative else f"file://{canary}"
    file = hostile(bench.folder, form, target)
    if form == HLS:
        # control: FFmpeg left to itself reads the neighbour, also when only files are allowed
        loot = bench.folder / "loot.mp4"
        assert outside("-i", file, "-c", "copy", loot) > 10_000
        assert outside("-protocol_whitelist", "file", "-i", file, "-c", "copy", loot) > 10_000
    await attempts(bench, file)
    assert written(bench) == 0


async def test_without_the_whitelists_the_walls_alone_hide_the_neighbour(
    bench: Workbench, canary: Path
) -> None:
    for target in ("../other/tenant.ts", f"file://{canary}"):
        file = hostile(bench.folder, HLS, target)
        place = bench.place(file)
        mounts = Mounts(source=file, output=place.output)
        argv = ["ffmpeg", "-v", "error", "-nostdin", "-i", "/in/source", "/out/loot.mp4"]
        outcome = await bench.sandbox.run(argv, mounts, BUDGET)
        assert outcome.status != 0
        assert written(bench) == 0


async def test_a_playlist_named_mp4_reaches_no_listener(
    bench: Workbench, listener: Listener
) -> None:
    file = hostile(bench.folder, HLS, f"http://127.0.0.1:{listener.port}/x.ts")
    # control: where the protocol is allowed FFmpeg goes there
    allowed = ["-protocol_whitelist", "file,http,tcp", "-i", str(file), "-f", "null", "-"]
    await run_process(["/usr/bin/ffmpeg", "-nostdin", *allowed], environment={}, wall=20)
    assert listener.visits
    listener.visits.clear()
    await attempts(bench, file)
    # and inside the walls not even then
    inside = ["ffmpeg", "-nostdin", *allowed[:3], "/in/source", *allowed[4:]]
    await bench.sandbox.run(inside, Mounts(source=file), BUDGET)
    assert listener.visits == []


async def test_no_secret_is_in_any_environment_inside(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIA_S3_SECRET_ACCESS_KEY", "canary-secret")
    script = "env; cat /proc/*/environ /proc/self/environ; ls /proc; true"
    source = Mounts(source=Path("/dev/null"))
    outcome = await bench.sandbox.run(["/bin/sh", "-c", script], source, BUDGET)
    assert outcome.status == 0
    assert b"PATH=" in outcome.stdout
    assert b"canary-secret" not in outcome.stdout
    # the same with a /proc to look into, which production does not give
    lookout = _WithProc(bench.folder / "lookout").program()
    seen = await BwrapSandbox(bwrap=str(lookout)).run(["/bin/sh", "-c", script], source, BUDGET)
    assert b"\nversion\n" in seen.stdout
    assert b"canary-secret" not in seen.stdout


async def test_clearing_the_environment_inside_would_not_be_enough() -> None:
    walls = "--unshare-all --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib"
    argv = f"bwrap {walls} --symlink usr/lib64 /lib64 --proc /proc --clearenv --".split()
    secret = {"PATH": "/usr/bin", "MEDIA_S3_SECRET_ACCESS_KEY": "canary-secret"}
    look = ["/usr/bin/cat", "/proc/1/environ"]
    outcome = await run_process([*argv, *look], environment=secret, wall=20)
    assert b"canary-secret" in outcome.stdout


@dataclass(frozen=True)
class _WithProc:
    """A bubblewrap that adds /proc to whatever it is asked for."""

    path: Path

    def program(self) -> Path:
        self.path.write_text('#!/bin/sh\nexec bwrap --proc /proc "$@"\n')
        self.path.chmod(0o755)
        return self.path


async def test_inside_there_is_one_input_and_nothing_of_ours(bench: Workbench) -> None:
    source = media.sound(bench.folder / "s.flac")
    place = bench.place(source)
    script = "ls / /in; echo x > /in/source; echo x > /usr/x; echo y > /out/y; id -u; hostname"
    mounts = Mounts(source=source, output=place.output)
    before = source.read_bytes()
    outcome = await bench.sandbox.run(["/bin/sh", "-c", script], mounts, BUDGET)
    seen = set(outcome.stdout.decode().split())
    assert not {"home", "root", "work", "var", "proc", "dev"} & seen
    assert {"source", "65534", "sandbox"} <= seen
    assert source.read_bytes() == before
    assert (place.output / "y").read_text() == "y\n"


@pytest.mark.parametrize(
    ("script", "budget", "code"),
    [
        (
            "exec dd if=/in/source of=/out/big bs=1M",
            Budget(20, 20, 512 * MIB, MIB),
            "output_too_large",
        ),
        ("while :; do :; done", Budget(30, 1, 512 * MIB, MIB), "timed_out"),
        ("exec sleep 60", Budget(0.5, 20, 512 * MIB, MIB), "timed_out"),
    ],
    ids=["output", "processor", "clock"],
)
async def test_every_limit_ends_the_program(
    bench: Workbench, script: str, budget: Budget, code: str
) -> None:
    source = bench.folder / "zeros"
    source.write_bytes(bytes(4 * MIB))
    mounts = Mounts(source=source, output=bench.place(source).output)
    failure = failure_of(await bench.sandbox.run(["/bin/sh", "-c", script], mounts, budget))
    assert failure is not None
    assert failure.code == code


async def test_memory_is_limited(bench: Workbench) -> None:
    argv = ["/usr/bin/python3", "-I", "-c", "bytearray(900_000_000)"]
    budget = Budget(20, 20, 256 * MIB, 0)
    outcome = await bench.sandbox.run(argv, Mounts(source=Path("/dev/null")), budget)
    assert isinstance(failure_of(outcome), RepriseError)


async def test_a_cancelled_step_leaves_no_encoder_behind(bench: Workbench) -> None:
    source = media.video(bench.folder / "v.mp4", seconds=2, size="1280x720")
    info = await bench.probed(source, "video/mp4")
    loop = ["-stream_loop", "-1", "-re", "-i", "/in/source", "-f", "null", "-"]
    assert info.duration
    task = asyncio.ensure_future(
        bench.sandbox.run(["ffmpeg", "-nostdin", *loop], Mounts(source=source), BUDGET)
    )
    await eventually(lambda: bool(running("ffmpeg", descendants(os.getpid()))))
    ours = running("ffmpeg", descendants(os.getpid()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: not running("ffmpeg", ours))


async def test_what_a_program_started_and_left_behind_ends_with_it() -> None:
    # at the level `container` nothing else would: the program is no init of its own there
    script = "sleep 300 >/dev/null 2>&1 & echo $!"
    outcome = await run_process(["/bin/sh", "-c", script], environment={}, wall=20)
    assert outcome.status == 0
    left = {int(outcome.stdout)}
    await eventually(lambda: not running("sleep", left))


async def test_a_machine_without_bubblewrap_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in ("ffmpeg", "prlimit"):
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="bwrap is not installed"):
        await open_sandbox("bwrap", "ffmpeg")


async def test_a_sandbox_that_cannot_be_built_is_never_the_files_fault(tmp_path: Path) -> None:
    mounts = Mounts(source=tmp_path / "is-not-there")
    with pytest.raises(SandboxUnavailable):
        await BwrapSandbox().run(["ffmpeg", "-version"], mounts, PROBE)


async def test_an_unwalled_place_is_no_container_level() -> None:
    with pytest.raises(SandboxUnavailable, match="no sandbox"):
        await open_sandbox("container", "ffmpeg")
