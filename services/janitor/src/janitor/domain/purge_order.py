"""One irrevocable fact, turned into the list of objects that go on its word."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.ids import AssetId, EventId, ObjectKey, UploadId, event_id_for
from janitor.domain.guard import owned_keys

FAILURES_PER_REPORT = 5


class Scope(StrEnum):
    """How much of an asset a fact ends."""

    ASSET = "asset"  # AssetPurgeDue: everything; AssetPurged follows
    OBJECTS = "objects"  # ObjectsPurgeDue: what was replaced; the asset lives on
    UPLOAD = "upload"  # the gateway's final fact: no asset ever came of it


@dataclass(frozen=True, slots=True)
class Cause:
    """The fact that gave permission; everything the janitor says about it carries these on."""

    event_id: EventId
    type: str
    source: str
    correlation_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class PurgeOrder:
    """What may be deleted and why. None exists with a key that the guard refuses.

    That holds for one read back from its row too: a row that was tampered with deletes nothing.
    """

    asset_id: AssetId
    upload_id: UploadId | None
    scope: Scope
    reason: str
    keys: tuple[ObjectKey, ...]
    cause: Cause

    def __post_init__(self) -> None:
        owned = owned_keys(self.keys, asset_id=self.asset_id, upload_id=self.upload_id)
        object.__setattr__(self, "keys", owned)  # each once: a fact may name one twice

    @property
    def id(self) -> EventId:
        """The same fact makes the same order, however often it is delivered."""
        return event_id_for(self.cause.event_id)

    @property
    def ends_asset(self) -> bool:
        """From here on every object of the asset is condemned."""
        return self.scope is not Scope.OBJECTS


@dataclass(frozen=True, slots=True)
class Purge:
    """How an order stands. Times are the database's; `last_error` is a stable code."""

    order: PurgeOrder
    ordered_at: datetime
    finished_at: datetime | None
    failures: int
    last_error: str | None


def is_worth_reporting(failures: int) -> bool:
    """Every fifth failure becomes a fact; the tries in between are the store's weather."""
    return failures > 0 and failures % FAILURES_PER_REPORT == 0
