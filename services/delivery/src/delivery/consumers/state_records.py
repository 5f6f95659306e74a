"""Bytes of the state topic to changes of the index: decodes the few fields delivery needs, fast.

The full models of `common.events` would cost several times as much per record (design §9 asks for
20,000 a second); tests hold it to the verdicts of `common.events.judge`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from common.events import AssetState
from common.events.envelope import attributes, sequence_of
from common.events.v1.catalog_state import STATE_VERSION
from common.subscriber.state import RawRecord
from delivery.domain.media import (
    KINDS,
    STATES,
    VISIBILITIES,
    Asset,
    Change,
    DeniedAsset,
    Entry,
    GoneAsset,
    StoredMedia,
)

_ASSET_KEY = b"asset/"
_NEEDED = frozenset({"ce_sequence", "ce_type"})  # the rest is not worth decoding at this rate
_LARGEST = 2**63 - 1  # of what SQLite stores; past it a record would stop the index for ever


class _Asset(msgspec.Struct):
    """Objects are decoded straight into those of the domain: there are several in each record."""

    asset_id: UUID
    user_id: UUID
    kind: str
    state: str
    visibility: str
    generation: Annotated[int, msgspec.Meta(ge=1, le=_LARGEST)]
    members: tuple[UUID, ...] = ()
    original_policy: str = "on-request"
    stored_at: datetime | None = None
    objects: tuple[StoredMedia, ...] = ()


class _Requires(msgspec.Struct):
    requires: int = 1


class _Epoch(msgspec.Struct):
    epoch: UUID


class _Watermark(msgspec.Struct):
    service: str
    at: datetime


_assets = msgspec.json.Decoder(_Asset)
_requires = msgspec.json.Decoder(_Requires)
_epochs = msgspec.json.Decoder(_Epoch)
_watermarks = msgspec.json.Decoder(_Watermark)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that changes nothing here; `reason` is None when that is as it should be."""

    reason: str | None = None


def asset_change(record: RawRecord) -> Change | Skipped:
    """What a record of the state topic means for the index.

    A record about an asset that cannot be judged denies that asset; records of other entities are
    skipped.
    """
    if not record.key.startswith(_ASSET_KEY):
        return Skipped()
    said = attributes([header for header in record.headers if header[0] in _NEEDED])
    try:
        asset_id = UUID(record.key[len(_ASSET_KEY) :].decode("ascii"))
        sequence = sequence_of(said["ce_sequence"])
    except (KeyError, ValueError):
        return Skipped("bad_envelope")
    if record.value is None:
        return Change(sequence, GoneAsset(asset_id))
    if said.get("ce_type") != AssetState.TYPE:
        return Change(sequence, DeniedAsset(asset_id, "unknown_type"))
    return Change(sequence, _entry(asset_id, record.value))


def epoch_of(record: RawRecord) -> UUID | None:
    """The epoch, if this is the record that names it."""
    if record.key != b"meta/epoch" or record.value is None:
        return None
    try:
        return _epochs.decode(record.value).epoch
    except msgspec.MsgspecError:
        return None


def watermark_of(record: RawRecord, service: str) -> datetime | None:
    """The watermark, if this record is that of `service`."""
    if record.key != service.encode() or record.value is None:
        return None
    try:
        mark = _watermarks.decode(record.value)
    except msgspec.MsgspecError:
        return None
    return mark.at if mark.at.tzinfo else None


def _entry(asset_id: UUID, value: bytes) -> Entry:
    try:
        # asked first and alone: a record for newer readers may have changed every other field
        if _requires.decode(value).requires > STATE_VERSION:
            return DeniedAsset(asset_id, "requires")
        wire = _assets.decode(value)
    except msgspec.MsgspecError:
        return DeniedAsset(asset_id, "unreadable")
    if wire.asset_id != asset_id:
        return DeniedAsset(asset_id, "wrong_key")
    if not all(0 <= stored.size <= _LARGEST for stored in wire.objects):
        return DeniedAsset(asset_id, "unreadable")
    for reason, word, known in (
        ("unknown_kind", wire.kind, KINDS),
        ("unknown_state", wire.state, STATES),
        ("unknown_visibility", wire.visibility, VISIBILITIES),
    ):
        if word not in known:
            return DeniedAsset(asset_id, reason)
    return _asset(asset_id, wire)


def _asset(asset_id: UUID, wire: _Asset) -> Asset:
    return Asset(
        asset_id=asset_id,
        owner=wire.user_id,
        kind=wire.kind,
        state=wire.state,
        visibility=wire.visibility,
        generation=wire.generation,
        members=wire.members,
        original_policy=wire.original_policy,
        stored_at=wire.stored_at,
        objects=wire.objects,
    )
