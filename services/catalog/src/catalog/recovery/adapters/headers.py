"""What recovery reads of a record before it knows whether the rest matters."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import PydanticSerializationError, to_json

from common.events import EVENT_TYPES


class Mark(NamedTuple):
    """Sequence and type of a record; its type tells whether it is about an asset."""

    sequence: int
    type: str


# facts about people have keys that are no assets; types that this version does not know are
# skipped by every consumer, so they are here
ABOUT_ASSETS = frozenset(
    name for name, model in EVENT_TYPES.items() if "asset_id" in model.model_fields
)
_TYPES = {name.encode(): name for name in EVENT_TYPES}
# where our relays write them; looked for elsewhere when they are not there
_TYPE_AT, _SEQUENCE_AT = 3, 6


def mark_of(record: Any) -> Mark | None:
    """None for a record that is not ours: every consumer put it among its dead letters."""
    headers = record.headers
    type_ = _header(headers, "ce_type", _TYPE_AT)
    sequence = _header(headers, "ce_sequence", _SEQUENCE_AT)
    if not type_ or not sequence or not sequence.isdigit():
        return None
    return Mark(int(sequence), _TYPES.get(type_) or type_.decode("utf-8", "replace"))


def _header(headers: Sequence[tuple[str, bytes]], name: str, place: int) -> bytes | None:
    if len(headers) > place and headers[place][0] == name:
        return headers[place][1]
    return dict(headers).get(name)


def json_of(headers: Sequence[tuple[str, bytes]]) -> str:
    """Headers as a JSON object; one that is no UTF-8 loses itself, never the record."""
    found = dict(headers)
    try:
        return to_json(found).decode()
    except PydanticSerializationError:
        texts = {name: value.decode("utf-8", "replace") for name, value in found.items()}
        return to_json(texts).decode()


def asset_of(key: bytes | None) -> UUID | None:
    """The asset a key names."""
    try:
        return UUID((key or b"").decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        return None


def last_per_key(records: Sequence[Any]) -> list[Any]:
    """The last record of each key, in their order."""
    return list({record.key: record for record in records}.values())
