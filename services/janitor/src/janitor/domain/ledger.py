"""What the janitor knows of an object: who declared it, and how far it is on its way out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.errors import Corrupt
from common.ids import AssetId, EventId, ObjectKey, asset_of_key


class ObjectState(StrEnum):
    """Only ever moves to the right: living, condemned, purged."""

    LIVING = "living"
    CONDEMNED = "condemned"
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A producer said that this object exists, or is about to.

    None is made for a key of another asset.
    """

    key: ObjectKey
    asset_id: AssetId
    declared_by: str
    event_id: EventId

    def __post_init__(self) -> None:
        if asset_of_key(self.key) != self.asset_id:
            raise Corrupt(f"a key that is not of asset {self.asset_id}", code="foreign_key")


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the ledger; once purged it is the proof: when, why and on which fact's word.

    `declared_by` is None for a key first heard of in the fact that condemned it; `ordered_by` is
    the service whose fact that was. All times are the database's.
    """

    key: ObjectKey
    asset_id: AssetId
    state: ObjectState
    declared_by: str | None
    first_seen: datetime
    reason: str | None = None
    cause: EventId | None = None
    ordered_by: str | None = None
    condemned_at: datetime | None = None
    purged_at: datetime | None = None


def state_when_declared(*, asset_is_dead: bool) -> ObjectState:
    """A dead asset stays dead: whatever is declared for it later is condemned at once (design §2).

    Condemned is not yet permission: the bytes go on the catalog's word alone.
    """
    return ObjectState.CONDEMNED if asset_is_dead else ObjectState.LIVING
