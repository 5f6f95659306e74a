"""Facts of all four topics into a fold: the same reading as that of the live consumers."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from common.errors import Corrupt
from common.events import (
    AssetPurged,
    AssetPurgeDue,
    AssetRegistered,
    ObjectPurged,
    ObjectsPurgeDue,
    Received,
    RenditionReady,
    UploadAborted,
    UploadCompleted,
    UploadExpired,
    UploadRejected,
    UploadStarted,
    decode,
)
from common.events.topics import PURGES
from common.ids import AssetId, EventId, ObjectKey
from janitor.consumers.declarations import declaration_of
from janitor.consumers.orders import order_of
from janitor.domain.folding import Closed, Deleted, Fold


def folded(records: Iterable[Any]) -> Fold:
    """The fold of records as Kafka gives them."""
    fold = Fold()
    for record in records:
        try:
            received = decode(record.key, record.headers, record.value)
        except Corrupt:
            fold.unread += 1  # a dead letter, for the live consumers too
            continue
        fold_one(fold, received)
    return fold


def fold_one(fold: Fold, received: Received) -> None:
    """Add one fact."""
    try:
        _add(fold, received)
    except Corrupt:
        fold.refused += 1


def _add(fold: Fold, received: Received) -> None:
    envelope, event = received.envelope, received.event
    match event:
        case UploadStarted() | UploadCompleted() | AssetRegistered() | RenditionReady():
            fold.declared.append((declaration_of(received, event), envelope.time))
        case (
            AssetPurgeDue()
            | ObjectsPurgeDue()
            | UploadRejected()
            | UploadAborted()
            | UploadExpired()
        ):
            fold.ordered.append((order_of(received, event), envelope.time))
        case ObjectPurged():
            fold.deleted.append(
                Deleted(
                    ObjectKey(event.key),
                    AssetId(event.asset_id),
                    event.reason,
                    _cause(received),
                    envelope.time,
                )
            )
        case AssetPurged():
            fold.closed.append(Closed(_cause(received), envelope.time))
    asset_id = getattr(event, "asset_id", None)
    if event is not None and event.TOPIC == PURGES and asset_id is not None:
        fold.number(AssetId(asset_id), envelope.sequence)


def _cause(received: Received) -> EventId:
    """Every fact of ours names the fact that permitted it."""
    try:
        return EventId(UUID(received.envelope.causation_id or ""))
    except ValueError as error:
        raise Corrupt("a deletion that names no cause", code="bad_envelope") from error
