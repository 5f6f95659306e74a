"""The asset: one immutable value, changed only by the functions of the modules beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from catalog.domain.errors import VersionMismatch
from catalog.domain.rendition import Rendition
from catalog.domain.states import DEAD, LIVING, State, check_move
from common.access import OWNER
from common.events import Fact, MediaFacts, MediaKind
from common.events.envelope import Envelope
from common.ids import AssetId, RunId, UploadId, UserId, run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The bytes as they were uploaded. Size in bytes; the ETag is the store's, without quotes."""

    size: int
    sha256: str
    etag: str
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Everything the catalog decides by.

    `run` numbers the processing runs from 1, 0 is none yet; `planned` says that the current run
    told its plan. `applied` is the last sequence read per source topic, `facts` and `records` the
    last ones written: of our own facts, and of the state record of this entity. `version` counts
    changes a client can see.
    """

    asset_id: AssetId
    user_id: UserId
    upload_id: UploadId
    kind: MediaKind
    key: str
    created_at: datetime
    state: State = State.UPLOADING
    reason: str | None = None
    state_before: State | None = None
    duplicate_of: AssetId | None = None
    original: Original | None = None
    media: MediaFacts | None = None
    run: int = 0
    planned: bool = False
    renditions: tuple[Rendition, ...] = ()
    visibility: str = OWNER
    original_policy: str = "on-request"
    generation: int = 1
    stored_at: datetime | None = None
    ready_at: datetime | None = None
    deleted_at: datetime | None = None
    restorable_until: datetime | None = None
    applied: Mapping[str, int] = field(default_factory=dict)
    facts: int = 0
    records: int = 0
    version: int = 0

    @property
    def living(self) -> bool:
        """Stored, and not deleted: it stands in its owner's library."""
        return self.state in LIVING

    @property
    def dead(self) -> bool:
        """No fact brings it back; only a deleted one can be restored, by command."""
        return self.state in DEAD

    @property
    def run_id(self) -> RunId | None:
        """The id of the current run; facts of any other run never move the asset."""
        return run_id(self.asset_id, self.run) if self.run else None

    def asked_for(self, run: UUID) -> bool:
        """Whether this run is the current one or an earlier one."""
        return any(run == run_id(self.asset_id, number) for number in range(1, self.run + 1))

    def keys(self) -> tuple[str, ...]:
        """Every object ever declared for it: the original and the outputs of all runs."""
        outputs = (item.output.key for item in self.renditions if item.output)
        return (self.key, *outputs)

    def rendition(self, run: UUID, name: str) -> Rendition | None:
        """The named rendition of a run, or None."""
        return next((r for r in self.renditions if (r.run, r.name) == (run, name)), None)

    def with_rendition(self, new: Rendition) -> "Asset":
        """The same asset with one rendition added or replaced."""
        others = tuple(r for r in self.renditions if (r.run, r.name) != (new.run, new.name))
        return replace(self, renditions=(*others, new))

    def check_version(self, expected: int | None) -> None:
        """Raise VersionMismatch unless this is the version the caller has seen; None is any."""
        if expected is not None and expected != self.version:
            raise VersionMismatch("the asset changed since it was read")

    def moved(self, state: State, reason: str | None = None) -> "Asset":
        """In another state, if the table allows it."""
        check_move(self.state, state, reason)
        return replace(self, state=state, reason=reason)


@dataclass(frozen=True, slots=True)
class Change:
    """What a decision makes of an asset: the new value and the facts to tell, in order.

    `seen` false means that no client and no reader would notice: only `applied` may have moved.
    """

    asset: Asset
    facts: tuple[Fact, ...] = ()
    seen: bool = True

    def then(self, following: "Change") -> "Change":
        """This change and the one decided on its result."""
        facts = (*self.facts, *following.facts)
        return Change(following.asset, facts, seen=self.seen or following.seen)

    def covering(self, fact: Fact, cause: Envelope) -> Self:
        """The same change, remembering which fact led to it."""
        applied = {**self.asset.applied, fact.TOPIC.name: cause.sequence}
        return replace(self, asset=replace(self.asset, applied=applied))


def nothing(asset: Asset) -> Change:
    """The decision to leave all as it is."""
    return Change(asset, seen=False)
