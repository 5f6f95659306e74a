"""ffprobe's JSON -> MediaInfo; the file is as hostile here as it is in the encoder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transcoder.adapters.confined_process import Outcome
from transcoder.adapters.ffmpeg_commands import MAX_ALLOC, reader_options
from transcoder.adapters.ffprobe_report import media_info
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
        report = await self._report(file, readers, "-show_format", "-show_streams")
        return media_info(report, pictured=pictured)

    async def require_end(self, file: Path, readers: Readers, info: MediaInfo) -> None:
        """Raises Truncated when the header promises an end that is not there.

        Cheap: seeks and reads the last seconds. Only where the header counts; an estimate proves
        nothing.
        """
        if not info.exact_duration or not info.duration:
            return
        start = max(0.0, info.duration - _TAIL)
        fields = "-show_entries", "packet=pts_time,duration_time"
        # read_intervals speaks of stream time; packets before the start are harmless, missing ones
        # are the answer
        report = await self._report(file, readers, *fields, "-read_intervals", f"{start:.3f}%")
        if is_shorter(info.duration, _end(report.get("packets", []))):
            raise Truncated("the file ends before its header says")

    async def _report(self, file: Path, readers: Readers, *wanted: str) -> dict[str, Any]:
        mounts = Mounts(source=file)
        opened = [(f"-{name}", str(value)) for name, value in reader_options(readers).items()]
        argv = [self.program, "-hide_banner", "-loglevel", "error", "-max_alloc", str(MAX_ALLOC)]
        argv += [word for option in opened for word in option]
        source = f"file:{self.sandbox.inside(mounts).source}"
        outcome = await self.sandbox.run([*argv, *wanted, "-of", "json", source], mounts, PROBE)
        return _parsed(outcome)


def _parsed(outcome: Outcome) -> dict[str, Any]:
    failure = failure_of(outcome)
    if failure is not None:
        raise failure
    try:
        report: dict[str, Any] = json.loads(outcome.stdout.decode("utf-8", "replace"))
    except ValueError as error:
        raise CorruptMedia("the probe said more than it may") from error
    return report


def _end(packets: list[dict[str, Any]]) -> float:
    ends = [
        float(packet["pts_time"]) + float(packet.get("duration_time", 0))
        for packet in packets
        if "pts_time" in packet
    ]
    return max(ends, default=0.0)
