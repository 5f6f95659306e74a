"""What the use cases need of the world, and what they may rely on."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from common.events import MediaDetails
from common.events.v1.renditions import RunFact
from common.ids import AssetId, ObjectKey
from transcoder.domain.claim import Claim
from transcoder.domain.ladder import Profile
from transcoder.domain.life import Life
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.processing import Processing, SourceObject


@dataclass(frozen=True, slots=True)
class JobDirectory:
    """Disk of one attempt: the one input file under a name of ours.

    And the one directory outputs go to.
    """

    source: Path
    output: Path


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """An object as the store has it: bytes, hex digest of what was sent, ETag without quotes."""

    size: int
    sha256: str
    etag: str


class Transaction(Protocol):
    """One database transaction: all of it happens, or nothing.

    Lock the asset before anything else: the lock gives its facts their order, and one order of
    locks is what keeps two transactions from waiting for each other.
    """

    async def life(self, asset_id: AssetId) -> Life:
        """The catalog's last word on the asset, held until the end of the transaction.

        Asked before `lock`, by those that hear the catalog: it holds the asset also where there is
        no row yet.
        """
        ...

    async def keep_life(self, asset_id: AssetId, life: Life) -> None:
        """Replace the word."""
        ...

    async def lock(self, asset_id: AssetId) -> Processing | None:
        """The asset's row, held until the end of the transaction; None when it was never seen."""
        ...

    async def save(self, processing: Processing) -> None:
        """Insert or replace the row."""
        ...

    async def first_time(self, event_id: UUID) -> bool:
        """Note an event of the assets or purges topic; False when its effect is already there."""
        ...

    async def publish(self, processing: Processing, fact: RunFact) -> Processing:
        """Append the fact under the asset's next sequence and a deterministic id.

        Save what comes back.
        """
        ...

    async def describe(self, processing: Processing, details: MediaDetails | None) -> Processing:
        """Append the asset's details record, or its tombstone for None; save what comes back."""
        ...

    async def enqueue(self, processing: Processing, renditions: Sequence[str | None]) -> None:
        """A job for each (None: the probe) under the deterministic id of (asset, run, step).

        Known ids change nothing.
        """
        ...

    async def cancel(self, asset_id: AssetId) -> None:
        """End the asset's waiting and running jobs; a running one loses its lease."""
        ...

    async def complete(self, claim: Claim) -> None:
        """Close the job; raises LeaseLost (and rolls everything back) when it is no longer ours."""
        ...

    async def bury(self, claim: Claim, reason: str) -> None:
        """Close the job as dead after its last attempt; raises LeaseLost."""
        ...


class Ledger(Protocol):
    """Where processings, jobs and unpublished facts live."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction, committed when the block is left without an error. Raises Unavailable."""
        ...


class Scratch(Protocol):
    """Bounded temporary space."""

    def directory(self, needed: int) -> AbstractAsyncContextManager[JobDirectory]:
        """A fresh directory for one attempt, removed however the block is left.

        Raises Unavailable (`scratch_full`) when `needed` bytes are not free within the limit.
        """
        ...


class Originals(Protocol):
    """Reads what was uploaded; never writes it."""

    async def fetch(self, source: SourceObject, into: Path) -> None:
        """Copy the original into a file and prove that it is what was registered (size and sha256).

        Raises SourceLost when it is gone or other bytes, Unavailable when the store does not
        answer.
        """
        ...


class Prober(Protocol):
    """Measures a file without believing it."""

    async def probe(self, file: Path, content_type: str) -> MediaInfo:
        """Header and streams. Raises the kinds of domain.errors."""
        ...

    async def require_end(self, file: Path, content_type: str, info: MediaInfo) -> None:
        """Raises Truncated when the file ends before its header says.

        Cheap, decodes next to nothing.
        """
        ...


class Encoder(Protocol):
    """Makes one rendition."""

    async def encode(
        self, profile: Profile, source: SourceObject, info: MediaInfo, directory: JobDirectory
    ) -> Path:
        """Write the rendition into the output directory and give its path.

        Nothing of the encoder is left running, however the call ends. Raises the kinds of
        domain.errors.
        """
        ...


class Outputs(Protocol):
    """Stores what was made."""

    async def store(self, file: Path, key: ObjectKey, content_type: str) -> StoredOutput:
        """Write the file under a key nobody used before; durable when this returns.

        Raises Unavailable.
        """
        ...


class Tally(Protocol):
    """Counts what operators look at."""

    def probed(self, outcome: str) -> None:
        """A probe ended: `ok` or the stable code of its failure."""
        ...

    def encoding(self, rendition: str) -> None:
        """An encoder was started."""
        ...

    def step_ended(self, rendition: str, outcome: str, seconds: float) -> None:
        """A step ended: `ok` or the stable code of its failure."""
        ...
