"""A state record straight to rows: what `recovered` and `asset_rows` say together, at COPY's speed.

Models and dataclasses in between would cost more than all the rest of a recovery (design §9 asks
for 10,000 entities a second); a test holds both readings of the same bytes together.
"""

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from catalog.domain.rendition import RenditionState
from catalog.domain.serving import ORIGINAL
from catalog.domain.states import State
from catalog.recovery.adapters.row_tuples import ASSET_COLUMNS, Row
from common.errors import Corrupt
from common.events.v1.catalog_state import STATE_VERSION
from common.ids import AssetId, run_id

_STATES, _MADE = frozenset(State), frozenset(RenditionState)
_MEASURES = ("duration", "width", "height", "bit_rate")
_MORE = ("sample_rate", "channels")
_NOTHING = dict.fromkeys(ASSET_COLUMNS)
_columns = itemgetter(*ASSET_COLUMNS)


def rows_of(asset_id: UUID, sequence: int, value: bytes) -> tuple[Row, list[Row]] | None:
    """The row of the asset and those of its renditions.

    None for a record that carries no row. Raises Corrupt for one that is not ours to read: of a
    newer version, whose rows this one would make poorer, or damaged.
    """
    try:
        state = from_json(value)
        if state["requires"] > STATE_VERSION:
            raise Corrupt("the log holds records of a newer version", code="newer_version")
        row = state.get("row")
        return None if row is None else _rows(asset_id, sequence, state, row)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Corrupt(f"the state record of {asset_id} is damaged", code="bad_state") from error


def _rows(
    asset_id: UUID, sequence: int, state: Mapping[str, Any], row: Mapping[str, Any]
) -> tuple[Row, list[Row]]:
    original = state["objects"][0]
    if original["rendition"] != ORIGINAL or state["state"] not in _STATES:
        raise ValueError("not a state record of ours")
    found = {
        **_NOTHING,
        **state,
        **row,
        "asset_id": asset_id,
        "key": original["key"],
        "duplicate_of": None,
        "size": original["size"],
        "sha256": original["sha256"],
        "etag": original["etag"],
        "content_type": original["content_type"],
        "media": _json(row.get("media")),
        "applied": to_json(state["applied"]).decode(),
        "planned": bool(row.get("planned")),
        "records": sequence,
    }
    for name in ("created_at", "stored_at", "ready_at", "deleted_at", "restorable_until"):
        found[name] = _time(found[name])
    runs = [run_id(AssetId(asset_id), number + 1) for number in range(row["run"])]
    renditions = [_rendition(asset_id, item, state, runs) for item in row["renditions"]]
    return _columns(found), renditions


def _rendition(
    asset_id: UUID, item: Mapping[str, Any], state: Mapping[str, Any], runs: list[Any]
) -> Row:
    place = item.get("place")
    stored = item.get("output") if place is None else state["objects"][place]
    name = stored["rendition"] if stored else item["name"]
    if item["state"] not in _MADE:
        raise ValueError("not a rendition of ours")
    return (
        asset_id,
        runs[item["run"] - 1] if item["run"] else item["run_id"],
        name,
        item.get("profile") or name,
        bool(item.get("required")),
        item["state"],
        item.get("reason"),
        stored["key"] if stored else None,
        stored["size"] if stored else None,
        stored["sha256"] if stored else None,
        stored["etag"] if stored else None,
        stored["content_type"] if stored else None,
        _media(item, stored) if stored else None,
        _time(item.get("ready_at")),
    )


def _media(item: Mapping[str, Any], stored: Mapping[str, Any]) -> str:
    media = {"container": item.get("container", ""), "codec": item.get("codec", "")}
    media |= {name: stored.get(name) for name in _MEASURES}
    media |= {name: item.get(name) for name in _MORE}
    return _json(media) or ""


def _json(media: Mapping[str, Any] | None) -> str | None:
    """As the live adapter writes it: without what is unknown."""
    if media is None:
        return None
    return to_json({name: value for name, value in media.items() if value is not None}).decode()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
