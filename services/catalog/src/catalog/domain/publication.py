"""What leaves the catalog when an asset changes.

Its facts, then its state record, each with the next sequence.
"""

from dataclasses import replace

from catalog.domain.asset import Asset, Change
from catalog.domain.serving import servable
from catalog.domain.states import State
from common.clock import Clock
from common.events import AliasState, AssetState, Message, StateRecord, new_message, tombstone
from common.events.envelope import Envelope
from common.events.topics import ASSETS, CATALOG, CATALOG_STATE
from common.ids import EventId, event_id_for


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


def state_of(asset: Asset) -> AssetState:
    """The asset as every reader of the state topic shall know it."""
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
        objects=servable(asset),
        run=asset.run_id,
        applied=dict(asset.applied),
        stored_at=asset.stored_at,
        ready_at=asset.ready_at,
        deleted_at=asset.deleted_at,
    )


def _record(asset: Asset, *, clock: Clock, cause: Envelope | None) -> Message | None:
    if asset.duplicate_of is not None:
        return _alias(asset, clock=clock, cause=cause)
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


def _alias(asset: Asset, *, clock: Clock, cause: Envelope | None) -> Message | None:
    if asset.records or asset.duplicate_of is None:
        return None  # an alias is told once and never changes, whatever becomes of its bytes
    alias = AliasState(asset_id=asset.asset_id, duplicate_of=asset.duplicate_of)
    return _state_message(alias, f"alias/{asset.asset_id}", 1, clock=clock, cause=cause)


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
