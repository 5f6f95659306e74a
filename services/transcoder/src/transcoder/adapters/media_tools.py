"""Which tool measures and which tool makes.

Stills go to Pillow, all that moves or sounds to FFmpeg.
"""

from dataclasses import dataclass
from pathlib import Path

from transcoder.adapters.ffmpeg_commands import encode_command, output_name
from transcoder.adapters.ffprobe import Ffprobe
from transcoder.adapters.pillow_images import PillowImages
from transcoder.adapters.sandbox import Mounts, Sandbox
from transcoder.adapters.tool_failures import failure_of
from transcoder.domain.budget import budget_of
from transcoder.domain.errors import EncoderFailed, NoMedia
from transcoder.domain.input_formats import readers_of
from transcoder.domain.ladder import Engine, Profile
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.processing import SourceObject
from transcoder.ports import JobDirectory


@dataclass(frozen=True, slots=True)
class MediaProber:
    """The port Prober on both tools."""

    moving: Ffprobe
    still: PillowImages

    async def probe(self, file: Path, content_type: str) -> MediaInfo:
        readers = readers_of(content_type)
        if readers.pillow:
            return await self.still.probe(file, readers)
        return await self.moving.probe(file, readers, pictured=content_type.startswith("video/"))

    async def require_end(self, file: Path, content_type: str, info: MediaInfo) -> None:
        readers = readers_of(content_type)
        if readers.demuxers:  # a still is decoded wholly by its one step
            await self.moving.require_end(file, readers, info)


@dataclass(frozen=True, slots=True)
class MediaEncoder:
    """The port Encoder on both tools."""

    sandbox: Sandbox
    stills: PillowImages
    program: str = "ffmpeg"

    async def encode(
        self, profile: Profile, source: SourceObject, info: MediaInfo, directory: JobDirectory
    ) -> Path:
        readers, budget = readers_of(source.content_type), budget_of(profile, info)
        if profile.engine is Engine.STILL:
            if not readers.pillow:
                raise NoMedia("a still is made of a picture")
            return await self.stills.render(
                directory.source, readers, profile, directory.output, budget
            )
        mounts = Mounts(source=directory.source, output=directory.output)
        command = encode_command(profile, info, readers, self.sandbox.inside(mounts))
        outcome = await self.sandbox.run([self.program, *command], mounts, budget)
        if failure := failure_of(outcome):
            raise failure
        return _written(directory.output / output_name(profile))


def _written(file: Path) -> Path:
    # the directory was writable for the program inside: only a plain file under the expected name
    # is taken
    if file.is_symlink() or not file.is_file() or not file.stat().st_size:
        raise EncoderFailed("nothing was written", code="output_invalid")
    return file
