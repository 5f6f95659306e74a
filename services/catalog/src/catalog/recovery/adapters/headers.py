"""What recovery reads of a record before it knows whether the rest matters."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from common.events import EVENT_TYPES

_SEQUENCE, _TYPE = "ce_sequence", "ce_type"


class Mark(NamedTuple):
    """Sequence and type of a record; its type tells whether it is about an asset."""

    sequence: int
    type: str


# facts about people have keys that are no assets; types that this version does not know are
# skipped by every consumer, so they are here
ABOUT_ASSETS = frozenset(
    name for name, model in EVENT_TYPES.items() if "asset_id" in model.model_fields
)


def mark_of(record: Any) -> Mark | None:
    """None for a record that is not ours: every consumer put it among its dead letters."""
    sequence = type_ = None
    for name, value in record.headers:
        if name == _SEQUENCE:
            sequence = value
        elif name == _TYPE:
            type_ = value
    if sequence is None or type_ is None or not sequence.isdigit():
        return None
    return Mark(int(sequence), type_.decode("utf-8", "replace"))


def texts(headers: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    """Headers as text; one that is no UTF-8 loses itself, never the record."""
    return {name: value.decode("utf-8", "replace") for name, value in headers}


def asset_of(key: bytes | None) -> UUID | None:
    """The asset a key names."""
    try:
        return UUID((key or b"").decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        return None


def last_per_key(records: Sequence[Any]) -> list[Any]:
    """The last record of each key, in their order."""
    return list({record.key: record for record in records}.values())
