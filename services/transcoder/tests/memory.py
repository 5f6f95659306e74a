"""The transcoder's ports in memory.

Transactions that are undone when they raise, and tools that do as told.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from uuid import UUID

from common.clock import SystemClock
from common.errors import RepriseError
from common.events import Envelope, MediaDetails, ProcessingRequested
from common.events.v1.renditions import RunFact
from common.events.v1.uploads import MediaKind
from common.ids import AssetId, ObjectKey, new_asset_id, new_event_id, original_key, run_id
from common.jobs.job import LeaseLost
from transcoder.domain.claim import Claim
from transcoder.domain.ladder import Profile
from transcoder.domain.life import Life
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.processing import Processing, SourceObject
from transcoder.ports import JobDirectory, StoredOutput

FLAC = MediaInfo("flac", "flac", duration=240.0, bit_rate=900_000, tags={"title": "A"})
JobRow = tuple[AssetId, str, str | None, int]


@dataclass
class MemoryLedger:
    """Ledger and Transaction in one.

    `jobs` maps a job to its state: waiting, done, dead, cancelled.
    """

    rows: dict[AssetId, Processing] = field(default_factory=dict)
    lives: dict[AssetId, Life] = field(default_factory=dict)
    facts: list[tuple[int, RunFact]] = field(default_factory=list)
    details: list[MediaDetails | None] = field(default_factory=list)
    seen: set[UUID] = field(default_factory=set)
    jobs: dict[JobRow, str] = field(default_factory=dict)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["MemoryLedger"]:
        before = (
            dict(self.rows), list(self.facts), list(self.details), set(self.seen), dict(self.jobs),
            dict(self.lives),
        )  # fmt: skip
        try:
            yield self
        except BaseException:
            self.rows, self.facts, self.details, self.seen, self.jobs, self.lives = before
            raise

    async def life(self, asset_id: AssetId) -> Life:
        return self.lives.get(asset_id, Life())

    async def keep_life(self, asset_id: AssetId, life: Life) -> None:
        self.lives[asset_id] = life

    async def lock(self, asset_id: AssetId) -> Processing | None:
        return self.rows.get(asset_id)

    async def save(self, processing: Processing) -> None:
        self.rows[processing.asset_id] = processing

    async def first_time(self, event_id: UUID) -> bool:
        known = event_id in self.seen
        self.seen.add(event_id)
        return not known

    async def publish(self, processing: Processing, fact: RunFact) -> Processing:
        self.facts.append((processing.sequence + 1, fact))
        return replace(processing, sequence=processing.sequence + 1)

    async def describe(self, processing: Processing, details: MediaDetails | None) -> Processing:
        self.details.append(details)
        return replace(processing, details_sequence=processing.details_sequence + 1)

    async def enqueue(self, processing: Processing, renditions: Sequence[str | None]) -> None:
        for name in renditions:
            row = (processing.asset_id, str(processing.run), name, processing.stops)
            self.jobs.setdefault(row, "waiting")

    async def cancel(self, asset_id: AssetId) -> None:
        for row, state in self.jobs.items():
            if row[0] == asset_id and state == "waiting":
                self.jobs[row] = "cancelled"

    async def complete(self, claim: Claim) -> None:
        self._end(claim, "done")

    async def bury(self, claim: Claim, reason: str) -> None:
        self._end(claim, f"dead: {reason}")

    def _end(self, claim: Claim, state: str) -> None:
        if self.jobs.get(claim.lease) != "waiting":  # type: ignore[call-overload]
            raise LeaseLost("not ours")
        self.jobs[claim.lease] = state  # type: ignore[index]

    def claims(self) -> list[Claim]:
        """A claim for each job that waits."""
        return [
            Claim(row[0], run_id(row[0], 1), row[2], row)
            for row, state in self.jobs.items()
            if state == "waiting"
        ]

    def told(self) -> list[str]:
        """The names of the facts, in order."""
        assert [n for n, _ in self.facts] == list(range(1, len(self.facts) + 1))
        return [type(fact).__name__ for _, fact in self.facts]


@dataclass
class Tools:
    """Scratch, Originals, Prober, Encoder, Outputs and Tally: each may be told to fail."""

    info: MediaInfo = FLAC
    probing: RepriseError | None = None
    ending: RepriseError | None = None
    encoding_fails: dict[str, RepriseError] = field(default_factory=dict)
    output: MediaInfo | None = None
    stored: list[str] = field(default_factory=list)
    encoded: list[str] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def directory(self, needed: int) -> AsyncIterator[JobDirectory]:
        assert needed >= 0
        yield JobDirectory(Path("in"), Path("out"))

    async def fetch(self, source: SourceObject, into: Path) -> None: ...

    async def probe(self, file: Path, content_type: str) -> MediaInfo:
        if self.probing:
            raise self.probing
        if file == Path("in"):
            return self.info
        container, codec = ("mp3", "mp3") if content_type == "audio/mpeg" else ("mov", "aac")
        return self.output or MediaInfo(container, codec, duration=self.info.duration)

    async def require_end(self, file: Path, content_type: str, info: MediaInfo) -> None:
        if self.ending:
            raise self.ending

    async def encode(
        self, profile: Profile, source: SourceObject, info: MediaInfo, directory: JobDirectory
    ) -> Path:
        if error := self.encoding_fails.get(profile.rendition):
            raise error
        self.encoded.append(profile.rendition)
        return directory.output

    async def store(self, file: Path, key: ObjectKey, content_type: str) -> StoredOutput:
        self.stored.append(key)
        return StoredOutput(size=1, sha256="0" * 64, etag="e")

    def probed(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def encoding(self, rendition: str) -> None: ...

    def step_ended(self, rendition: str, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)


def a_request(
    *,
    kind: MediaKind = "audio",
    content_type: str = "audio/flac",
    size: int = 1000,
    sha256: str = "0" * 64,
    asset_id: AssetId | None = None,
    run: int = 1,
) -> ProcessingRequested:
    """The first run of a new asset."""
    asset_id = asset_id or new_asset_id()
    return ProcessingRequested(
        asset_id=asset_id,
        user_id=new_event_id(),
        run=run_id(asset_id, run),
        kind=kind,
        key=original_key(asset_id, "bin"),
        size=size,
        sha256=sha256,
        content_type=content_type,
    )


_later = count(1)


def an_envelope(sequence: int | None = None) -> Envelope:
    """Of some event of the catalog; each comes after those before it, unless told otherwise."""
    return Envelope(
        new_event_id(),
        "catalog",
        "reprise.asset.x.v1",
        SystemClock().now(),
        "subject",
        next(_later) if sequence is None else sequence,
    )
