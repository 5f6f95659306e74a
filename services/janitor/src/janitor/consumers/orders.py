"""The facts that permit a deletion, read into orders; a foreign object in one refuses it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import Counter

from common.events import (
    AssetPurgeDue,
    ObjectsPurgeDue,
    Received,
    UploadAborted,
    UploadExpired,
    UploadRejected,
)
from common.ids import AssetId, ObjectKey, UploadId
from common.telemetry.logs import get_logger
from janitor.domain.errors import RefusesToDelete
from janitor.domain.purge_order import Cause, PurgeOrder, Scope

Ended = UploadRejected | UploadAborted | UploadExpired
Permitting = AssetPurgeDue | ObjectsPurgeDue | Ended

_log = get_logger("janitor.orders")


@dataclass(frozen=True, slots=True)
class OrderIntake:
    """Reads a fact, places its order; `refusals` counts those that never became one."""

    place: Callable[[PurgeOrder], Awaitable[None]]
    refusals: Counter

    async def __call__(self, received: Received, fact: Permitting) -> None:
        try:
            order = order_of(received, fact)
        except RefusesToDelete as error:
            self.refusals.inc()
            _log.error("janitor.refused", type=fact.TYPE, detail=error.detail)
            raise  # to the dead letter topic, where a person looks at it
        await self.place(order)


def order_of(received: Received, fact: Permitting) -> PurgeOrder:
    """Raises RefusesToDelete when the fact names an object that is not its own."""
    envelope = received.envelope
    return PurgeOrder(
        AssetId(fact.asset_id),
        UploadId(fact.upload_id) if isinstance(fact, Ended) else None,
        _scope_of(fact),
        reason_of(fact),
        tuple(ObjectKey(key) for key in fact.keys),
        Cause(
            envelope.id,
            envelope.type,
            envelope.source,
            envelope.correlation_id,
            envelope.traceparent,
        ),
    )


def reason_of(fact: Permitting) -> str:
    """The stable code that goes into the proof."""
    if isinstance(fact, UploadAborted):
        return "aborted"
    if isinstance(fact, UploadExpired):
        return "expired"
    return fact.reason


def _scope_of(fact: Permitting) -> Scope:
    if isinstance(fact, AssetPurgeDue):
        return Scope.ASSET
    if isinstance(fact, ObjectsPurgeDue):
        return Scope.OBJECTS
    return Scope.UPLOAD
