"""What leaves the catalog when an asset changes.

Its facts, then its state record, each with the next sequence.
"""

from dataclasses import replace

from catalog.domain.asset import Asset, Change
from catalog.domain.row_record import row_of
from catalog.domain.serving import servable
from catalog.domain.states import State
from common.clock import Clock
from common.events import AliasState, AssetState, Message, StateRecord, new_message, tombstone
from common.events.envelope import Envelope
from common.events.topics import ASSETS, CATALOG, CATALOG_STATE
from common.ids import AssetId, EventId, event_id_for


def publish(
    change: Change, *, clock: Clock, cause: Envelope | None
) -> tuple[Asset, tuple[Message, ...]]:
    """Number what a change tells.

    The row returned must be stored in the transaction of the messages.

    Ids follow from the sequence, so that the same history always carries the same ids.
    """
    asset, messages = change.asset, []
    for number, fact in enumerate(change.facts, start=asset.facts + 1):
        message = new_message(
            fact,
            source=CATALOG,
            key=str(asset.asset_id),
            sequence=number,
            clock=clock,
            event_id=_event_id(ASSETS.name, str(asset.asset_id), number),
            cause=cause,
        )
        messages.append(message)
    asset = replace(asset, facts=asset.facts + len(change.facts))
    if not change.seen:
        return asset, tuple(messages)
    asset = replace(asset, version=asset.version + 1)
    record = _record(asset, clock=clock, cause=cause)
    if record is None:
        return asset, tuple(messages)
    return replace(asset, records=asset.records + 1), (*messages, record)


def republish(asset: Asset, *, clock: Clock) -> tuple[Asset, Message | None]:
    """Say once more what is now, under the next sequence, so that every reader takes it.

    Nothing about the asset changes. None for one that readers never hear of, as an upload that has
    not ended. The row returned must be stored in the transaction of the message.
    """
    if asset.duplicate_of is not None:
        record: Message | None = _alias(asset, asset.duplicate_of, clock=clock, cause=None)
    else:
        record = _record(asset, clock=clock, cause=None)
    return (replace(asset, records=asset.records + 1) if record else asset), record


def state_of(asset: Asset) -> AssetState:
    """The asset as every reader of the state topic shall know it."""
    objects = servable(asset)
    return AssetState(
        asset_id=asset.asset_id,
        user_id=asset.user_id,
        upload_id=asset.upload_id,
        kind=asset.kind,
        state=asset.state.value,
        reason=asset.reason,
        visibility=asset.visibility,
        generation=asset.generation,
        original_policy=asset.original_policy,
        objects=objects,
        run=asset.run_id,
        applied=dict(asset.applied),
        stored_at=asset.stored_at,
        ready_at=asset.ready_at,
        deleted_at=asset.deleted_at,
        row=row_of(asset, objects),
    )


def _record(asset: Asset, *, clock: Clock, cause: Envelope | None) -> Message | None:
    if asset.duplicate_of is not None:
        if asset.records:
            return None  # an alias is told once: it never changes, whatever becomes of its bytes
        return _alias(asset, asset.duplicate_of, clock=clock, cause=cause)
    if asset.original is None:
        return None  # nothing stands behind the id yet; readers hear of it once it is registered
    key = f"asset/{asset.asset_id}"
    if asset.state is State.PURGED:
        return tombstone(
            CATALOG_STATE,
            type=AssetState.TYPE,
            source=CATALOG,
            key=key,
            sequence=asset.records + 1,
            clock=clock,
        )
    return _state_message(state_of(asset), key, asset.records + 1, clock=clock, cause=cause)


def _alias(asset: Asset, winner: AssetId, *, clock: Clock, cause: Envelope | None) -> Message:
    alias = AliasState(asset_id=asset.asset_id, duplicate_of=winner)
    key = f"alias/{asset.asset_id}"
    return _state_message(alias, key, asset.records + 1, clock=clock, cause=cause)


def _state_message(
    record: StateRecord, key: str, sequence: int, *, clock: Clock, cause: Envelope | None
) -> Message:
    return new_message(
        record,
        source=CATALOG,
        key=key,
        sequence=sequence,
        clock=clock,
        event_id=_event_id(CATALOG_STATE.name, key, sequence),
        cause=cause,
    )


def _event_id(topic: str, key: str, sequence: int) -> EventId:
    return event_id_for(topic, key, sequence)
