"""A state record straight to rows: what `recovered` and `asset_rows` say together, at COPY's speed.

Models and dataclasses in between would cost more than all the rest of a recovery (design §9 asks
for 10,000 entities a second); a test holds both readings of the same bytes together.
"""

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec

from catalog.domain.rendition import RenditionState
from catalog.domain.serving import ORIGINAL
from catalog.domain.states import State
from catalog.recovery.adapters.row_tuples import ASSET_COLUMNS, Row
from common.errors import Corrupt
from common.events.v1.catalog_state import STATE_VERSION
from common.ids import AssetId, run_id

_columns = itemgetter(*ASSET_COLUMNS)
# what a column holds; a number past it would be refused with all the batch it is in
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_NUL = b"\\u0000"  # JSON may say it, and no column holds it


class _Object(msgspec.Struct):
    rendition: str
    key: str
    size: int
    sha256: str
    etag: str
    content_type: str
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    bit_rate: int | None = None


class _Media(msgspec.Struct, omit_defaults=True):
    """As the live adapter writes it: without what is unknown."""

    container: str
    codec: str
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    bit_rate: int | None = None
    sample_rate: int | None = None
    channels: int | None = None


class _Rendition(msgspec.Struct):
    run: _Number
    state: RenditionState
    run_id: UUID | None = None
    place: _Number | None = None
    name: str | None = None
    profile: str | None = None
    required: bool | None = None
    reason: str | None = None
    output: _Object | None = None
    container: str | None = None
    codec: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    ready_at: datetime | None = None


class _Row(msgspec.Struct):
    created_at: datetime
    version: _Count
    facts: _Count
    run: _Number
    planned: bool | None = None
    state_before: State | None = None
    restorable_until: datetime | None = None
    media: _Media | None = None
    renditions: tuple[_Rendition, ...] = ()


class _State(msgspec.Struct):
    requires: int
    asset_id: UUID
    user_id: UUID
    upload_id: UUID
    kind: Literal["audio", "image", "video", "avatar"]
    state: State
    visibility: str
    generation: int
    original_policy: str
    objects: tuple[_Object, ...]
    applied: dict[str, _Count]
    reason: str | None = None
    stored_at: datetime | None = None
    ready_at: datetime | None = None
    deleted_at: datetime | None = None
    row: _Row | None = None


class _Alias(msgspec.Struct):
    requires: int
    asset_id: UUID
    duplicate_of: UUID


class _Requires(msgspec.Struct):
    requires: int


S = TypeVar("S", _State, _Alias)
_states = msgspec.json.Decoder(_State)
_aliases = msgspec.json.Decoder(_Alias)
_requires = msgspec.json.Decoder(_Requires)


def rows_of(asset_id: UUID, sequence: int, value: bytes) -> tuple[Row, list[Row]] | None:
    """The row of the asset and those of its renditions.

    None for a record that carries no row. Raises Corrupt for one that is not ours to read: of a
    newer version, whose rows this one would make poorer, or damaged.
    """
    try:
        state = _read(_states, value)
        _refuse_misplaced(asset_id, state.asset_id, value)
        return None if state.row is None else _rows(asset_id, sequence, state, state.row)
    except (msgspec.MsgspecError, IndexError, ValueError) as error:
        raise Corrupt(f"the state record of {asset_id} is damaged", code="bad_state") from error


def refuse_bad_alias(asset_id: UUID, value: bytes) -> None:
    """Raises Corrupt as `rows_of` does."""
    try:
        _refuse_misplaced(asset_id, _read(_aliases, value).asset_id, value)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Corrupt(f"the state record of {asset_id} is damaged", code="bad_state") from error


def _refuse_misplaced(asset_id: UUID, said: UUID, value: bytes) -> None:
    if said != asset_id or _NUL in value:
        raise ValueError("of another asset, or text that no column holds")


def _read(decoder: "msgspec.json.Decoder[S]", value: bytes) -> S:
    try:
        found = decoder.decode(value)
    except msgspec.MsgspecError:
        # asked alone: a newer version may have changed every other field
        _refuse_newer(_requires.decode(value).requires)
        raise
    _refuse_newer(found.requires)
    return found


def _refuse_newer(requires: int) -> None:
    if requires > STATE_VERSION:
        raise Corrupt("the log holds records of a newer version", code="newer_version")


def _rows(asset_id: UUID, sequence: int, state: _State, row: _Row) -> tuple[Row, list[Row]]:
    original = state.objects[0]
    if original.rendition != ORIGINAL:
        raise ValueError("not a state record of ours")
    values = {
        "asset_id": asset_id,
        "user_id": state.user_id,
        "upload_id": state.upload_id,
        "kind": state.kind,
        "key": original.key,
        "state": state.state,
        "reason": state.reason,
        "state_before": row.state_before,
        "duplicate_of": None,
        "size": original.size,
        "sha256": original.sha256,
        "etag": original.etag,
        "content_type": original.content_type,
        "media": _json(row.media) if row.media else None,
        "run": row.run,
        "planned": bool(row.planned),
        "visibility": state.visibility,
        "original_policy": state.original_policy,
        "generation": state.generation,
        "created_at": row.created_at,
        "stored_at": state.stored_at,
        "ready_at": state.ready_at,
        "deleted_at": state.deleted_at,
        "restorable_until": row.restorable_until,
        "applied": msgspec.json.encode(state.applied).decode(),
        "facts": row.facts,
        "records": sequence,
        "version": row.version,
    }
    # only of runs that stand here: how many there were is just a number in the record
    numbers = {item.run for item in row.renditions if item.run}
    if numbers and max(numbers) > row.run:
        raise ValueError("a rendition of a run that was never asked for")
    runs = {number: run_id(AssetId(asset_id), number) for number in numbers}
    return _columns(values), [_rendition(asset_id, item, state, runs) for item in row.renditions]


def _rendition(asset_id: UUID, item: _Rendition, state: _State, runs: Mapping[int, UUID]) -> Row:
    stored = item.output if item.place is None else state.objects[item.place]
    name = stored.rendition if stored else item.name
    return (
        asset_id,
        runs[item.run] if item.run else item.run_id,
        name,
        item.profile or name,
        bool(item.required),
        item.state,
        item.reason,
        stored.key if stored else None,
        stored.size if stored else None,
        stored.sha256 if stored else None,
        stored.etag if stored else None,
        stored.content_type if stored else None,
        _json(_media(item, stored)) if stored else None,
        item.ready_at,
    )


def _media(item: _Rendition, stored: _Object) -> _Media:
    return _Media(
        item.container or "",
        item.codec or "",
        stored.duration,
        stored.width,
        stored.height,
        stored.bit_rate,
        item.sample_rate,
        item.channels,
    )


def _json(media: _Media) -> str:
    return msgspec.json.encode(media).decode()
