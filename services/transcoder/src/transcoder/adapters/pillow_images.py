"""Stills: Pillow in the sandbox, driven by a script of our own that is mounted beside the file."""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transcoder.adapters import still_script
from transcoder.adapters.confined_process import Outcome
from transcoder.adapters.sandbox import Mounts, Sandbox
from transcoder.adapters.tool_failures import failure_of
from transcoder.domain.budget import STILL, Budget
from transcoder.domain.errors import CorruptMedia, MediaTooLarge, Truncated
from transcoder.domain.input_formats import Readers
from transcoder.domain.ladder import Profile
from transcoder.domain.media_info import MediaInfo

_SCRIPT = Path(still_script.__file__)
# Pillow's own code lives in the environment we run in, and that rests on the Python it was made
# from
_TREES = tuple(dict.fromkeys((Path(sys.base_prefix), Path(sys.prefix))))
_QUALITY = 82
_REFUSALS = {"truncated": Truncated, "too_large": MediaTooLarge}


@dataclass(frozen=True, slots=True)
class PillowImages:
    """Measures and renders still pictures."""

    sandbox: Sandbox

    async def probe(self, file: Path, readers: Readers) -> MediaInfo:
        """Reads the header only. Raises the kinds of domain.errors."""
        mounts = Mounts(source=file, script=_SCRIPT, trees=_TREES)
        told = await self._run("probe", readers, mounts, STILL)
        return MediaInfo(
            container=told["format"],
            codec=told["format"],
            width=told["width"],
            height=told["height"],
            captured_at=_taken(told["taken"], told["offset"]),
        )

    async def render(
        self, file: Path, readers: Readers, profile: Profile, output: Path, budget: Budget
    ) -> Path:
        """Writes the rung into the `output` directory and gives its path."""
        mounts = Mounts(source=file, output=output, script=_SCRIPT, trees=_TREES)
        name = f"out.{profile.extension}"
        target = f"{self.sandbox.inside(mounts).output}/{name}"
        how = [target, profile.container.upper(), str(max(profile.box)), str(_QUALITY)]
        await self._run("render", readers, mounts, budget, *how)
        return output / name

    async def _run(
        self, task: str, readers: Readers, mounts: Mounts, budget: Budget, *rest: str
    ) -> dict[str, Any]:
        inside = self.sandbox.inside(mounts)
        formats = ",".join(readers.pillow)
        argv = [sys.executable, "-I", inside.script, task, formats, inside.source, *rest]
        return _answer(await self.sandbox.run(argv, mounts, budget))


def _answer(outcome: Outcome) -> dict[str, Any]:
    if outcome.status == still_script.REFUSED:
        told = _parsed(outcome)
        raise _REFUSALS.get(str(told.get("code")), CorruptMedia)(str(told.get("detail", "")))
    failure = failure_of(outcome)
    if failure is not None:
        raise failure
    return _parsed(outcome)


def _parsed(outcome: Outcome) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(outcome.stdout)
    except ValueError as error:
        raise CorruptMedia("the decoder ended without an answer") from error
    return answer


def _taken(told: str, offset: str) -> datetime | None:
    # EXIF writes 2024:05:01 10:00:00 and, in newer files, +02:00 beside it; without it the zone is
    # not known
    try:
        local = datetime.strptime(f"{told} {offset or '+00:00'}", "%Y:%m:%d %H:%M:%S %z")
    except ValueError:
        return None
    return local.astimezone(UTC)
