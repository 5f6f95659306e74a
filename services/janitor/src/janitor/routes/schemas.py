"""What operators are shown."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from janitor.domain.ledger import LedgerEntry
from janitor.domain.purge_order import Purge


class ObjectView(BaseModel):
    """One object of the ledger; for a purged one this is the proof."""

    key: str
    asset_id: UUID
    state: Literal["living", "condemned", "purged"]
    declared_by: str | None
    first_seen: datetime
    reason: str | None
    cause_event_id: UUID | None
    ordered_by: str | None
    condemned_at: datetime | None
    purged_at: datetime | None

    @classmethod
    def of(cls, entry: LedgerEntry) -> "ObjectView":
        return cls(
            key=entry.key,
            asset_id=entry.asset_id,
            state=entry.state.value,
            declared_by=entry.declared_by,
            first_seen=entry.first_seen,
            reason=entry.reason,
            cause_event_id=entry.cause,
            ordered_by=entry.ordered_by,
            condemned_at=entry.condemned_at,
            purged_at=entry.purged_at,
        )


class PurgeView(BaseModel):
    """One order and how far it is; `failures` counts tries that the store did not let through."""

    purge_id: UUID
    asset_id: UUID
    scope: Literal["asset", "objects", "upload"]
    reason: str
    keys: tuple[str, ...]
    cause_event_id: UUID
    cause_type: str
    ordered_by: str
    ordered_at: datetime
    finished_at: datetime | None
    failures: int
    last_error: str | None

    @classmethod
    def of(cls, purge: Purge) -> "PurgeView":
        order = purge.order
        return cls(
            purge_id=order.id,
            asset_id=order.asset_id,
            scope=order.scope.value,
            reason=order.reason,
            keys=order.keys,
            cause_event_id=order.cause.event_id,
            cause_type=order.cause.type,
            ordered_by=order.cause.source,
            ordered_at=purge.ordered_at,
            finished_at=purge.finished_at,
            failures=purge.failures,
            last_error=purge.last_error,
        )


class ObjectPage(BaseModel):
    """`next` is the cursor of the page after this one, None on the last."""

    items: tuple[ObjectView, ...]
    next: str | None


class PurgePage(BaseModel):
    """Newest first; `next` leads to older ones, None on the last page."""

    items: tuple[PurgeView, ...]
    next: str | None
