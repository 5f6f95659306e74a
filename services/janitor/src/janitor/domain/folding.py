"""What a batch of facts says of objects, orders and deletions, whatever order it is read in."""

from dataclasses import dataclass, field
from datetime import datetime

from common.ids import AssetId, EventId, ObjectKey
from janitor.domain.ledger import Declaration
from janitor.domain.purge_order import PurgeOrder


@dataclass(frozen=True, slots=True)
class Deleted:
    """A fact of our own: this object is gone, on the word of `cause`."""

    key: ObjectKey
    asset_id: AssetId
    reason: str
    cause: EventId
    at: datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """A fact of our own: the order of `cause` was carried out."""

    cause: EventId
    at: datetime


@dataclass(slots=True)
class Fold:
    """The rows that a batch of facts leads to.

    `sequences` are the highest numbers of our own facts per asset; `refused` counts facts that the
    live consumers refuse too, `unread` records that cannot be read.
    """

    declared: list[tuple[Declaration, datetime]] = field(default_factory=list)
    ordered: list[tuple[PurgeOrder, datetime]] = field(default_factory=list)
    deleted: list[Deleted] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    sequences: dict[AssetId, int] = field(default_factory=dict)
    refused: int = 0
    unread: int = 0

    def assets(self) -> set[AssetId]:
        """Every asset that is spoken of."""
        return {
            *(declaration.asset_id for declaration, _ in self.declared),
            *(order.asset_id for order, _ in self.ordered),
            *(deleted.asset_id for deleted in self.deleted),
            *self.sequences,
        }

    def number(self, asset_id: AssetId, sequence: int) -> None:
        """A fact of ours about the asset had this number."""
        self.sequences[asset_id] = max(sequence, self.sequences.get(asset_id, 0))
