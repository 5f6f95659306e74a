"""ffprobe's JSON -> MediaInfo; the file is as hostile here as it is in the encoder."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transcoder.adapters.ffmpeg_commands import MAX_ALLOC, reader_options
from transcoder.adapters.ffprobe_report import last_end, media_info
from transcoder.adapters.riff import is_cut
from transcoder.adapters.sandbox import Mounts, Sandbox
from transcoder.adapters.tool_failures import failure_of
from transcoder.domain.budget import PROBE
from transcoder.domain.errors import CorruptMedia, Truncated
from transcoder.domain.input_formats import Readers
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.verification import is_shorter

_TAIL = 2.0  # seconds: the piece at the end that must be there


@dataclass(frozen=True, slots=True)
class Ffprobe:
    """Measures audio and video."""

    sandbox: Sandbox
    program: str = "ffprobe"

    async def probe(self, file: Path, readers: Readers, *, pictured: bool) -> MediaInfo:
        """What the file is. Raises the kinds of domain.errors."""
        told = await self._ask(file, readers, "-show_format", "-show_streams", "-of", "json")
        return media_info(_parsed(told), pictured=pictured)

    async def require_end(self, file: Path, readers: Readers, info: MediaInfo) -> None:
        """Raises Truncated when the header promises an end that is not there.

        Cheap: seeks and reads the last seconds. Only where the header counts; an estimate proves
        nothing.
        """
        if not info.exact_duration or not info.duration:
            return
        if await asyncio.to_thread(is_cut, file):
            raise Truncated("the file is shorter than its header says")
        start = max(0.0, info.duration - _TAIL)
        wanted = "-show_entries", "packet=pts_time,duration_time", "-of", "csv=p=0"
        # packets before the start are harmless; that none is near the end is the answer
        told = await self._ask(file, readers, *wanted, "-read_intervals", f"{start:.3f}%")
        if is_shorter(info.duration, last_end(told)):
            raise Truncated("the file ends before its header says")

    async def _ask(self, file: Path, readers: Readers, *wanted: str) -> str:
        mounts = Mounts(source=file)
        opened = [(f"-{name}", str(value)) for name, value in reader_options(readers).items()]
        argv = [self.program, "-hide_banner", "-loglevel", "error", "-max_alloc", str(MAX_ALLOC)]
        argv += [word for option in opened for word in option]
        source = f"file:{self.sandbox.inside(mounts).source}"
        outcome = await self.sandbox.run([*argv, *wanted, source], mounts, PROBE)
        if failure := failure_of(outcome):
            raise failure
        return outcome.stdout.decode("utf-8", "replace")


def _parsed(told: str) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(told)
    except ValueError as error:
        raise CorruptMedia("the probe said more than it may") from error
    return report
