"""The real sandbox and tools for tests, and a look at what runs on this machine."""

from dataclasses import dataclass
from pathlib import Path

from transcoder.adapters.bwrap_sandbox import BwrapSandbox
from transcoder.adapters.ffprobe import Ffprobe
from transcoder.adapters.media_tools import MediaEncoder, MediaProber
from transcoder.adapters.pillow_images import PillowImages
from transcoder.domain.ladder import PROFILES
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.processing import SourceObject
from transcoder.ports import JobDirectory


@dataclass(frozen=True)
class Workbench:
    """Prober and encoder behind bubblewrap, in a folder of the test's own."""

    folder: Path
    sandbox: BwrapSandbox

    @property
    def prober(self) -> MediaProber:
        return MediaProber(Ffprobe(self.sandbox), PillowImages(self.sandbox))

    @property
    def encoder(self) -> MediaEncoder:
        return MediaEncoder(self.sandbox, PillowImages(self.sandbox))

    async def probed(self, file: Path, content_type: str) -> MediaInfo:
        info = await self.prober.probe(file, content_type)
        await self.prober.require_end(file, content_type, info)
        return info

    async def encoded(
        self, rendition: str, file: Path, content_type: str, info: MediaInfo | None = None
    ) -> Path:
        """The finished rendition; `info` stands for a probe that is not wanted here."""
        info = info or await self.probed(file, content_type)
        place = self.place(file)
        source = a_source(content_type)
        return await self.encoder.encode(PROFILES[rendition], source, info, place)

    def place(self, file: Path) -> JobDirectory:
        output = self.folder / "out"
        output.mkdir(exist_ok=True)
        return JobDirectory(file, output)


def a_source(content_type: str) -> SourceObject:
    """Only its type matters to an encoder."""
    return SourceObject("video", "u/x/original-1.bin", 1, "0" * 64, content_type)  # type: ignore[arg-type]


def descendants(pid: int) -> set[int]:
    """Every process below `pid` now."""
    below: dict[int, set[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        below.setdefault(int(fields[1]), set()).add(int(status.parent.name))
    found, left = set[int](), {pid}
    while left:
        left = {child for parent in left for child in below.get(parent, set())} - found
        found |= left
    return found


def running(name: str, among: set[int]) -> set[int]:
    """Those of the processes that run a program of this name."""
    return {pid for pid in among if _name_of(pid) == name}


def _name_of(pid: int) -> str:
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state = told.rpartition(")")[2].split()[0]
    return "" if state == "Z" else told.partition("(")[2].rpartition(")")[0]
