"""What recovery reads of a record before it knows whether the rest matters."""

import re
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import convert
from pydantic_core import to_json

from common.events import EVENT_TYPES
from common.events.envelope import OURS, attributes, sequence_of

Headers = Sequence[tuple[str, bytes | None]]


class Mark(NamedTuple):
    """Sequence and type of a record; its type tells whether it is about an asset."""

    sequence: int
    type: str


# facts about people have keys that are no assets; a type of another topic means nothing to those
# who read this one, and types that this version does not know mean nothing to anybody
ABOUT_ASSETS = {
    topic: frozenset(
        name
        for name, model in EVENT_TYPES.items()
        if model.TOPIC.name == topic and "asset_id" in model.model_fields
    )
    for topic in {model.TOPIC.name for model in EVENT_TYPES.values()}
}
_TYPES = {name.encode(): name for name in EVENT_TYPES}
# where our relays write them; looked for elsewhere when they are not there
_TYPE_AT, _SEQUENCE_AT = 3, 6
_USUAL = [
    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_sequence")
]
_name = itemgetter(0)
_SEQUENCE = re.compile(rb"[1-9][0-9]{0,17}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY = re.compile(_ID.pattern.encode())


def mark_of(record: Any) -> Mark | None:
    """None for a record that does not say what it is, or after which other it stands."""
    headers = record.headers
    if list(map(_name, headers[: len(_USUAL)])) == _USUAL:
        type_, sequence = _TYPES.get(headers[_TYPE_AT][1]), headers[_SEQUENCE_AT][1]
        if type_ is not None and sequence is not None and _SEQUENCE.fullmatch(sequence):
            return Mark(int(sequence), type_)
    return mark_in(attributes(headers))


def mark_in(texts: dict[str, str]) -> Mark | None:
    """The same of attributes that were read already."""
    sequence = sequence_in(texts)
    return Mark(sequence, texts["ce_type"]) if sequence and "ce_type" in texts else None


def sequence_in(texts: dict[str, str]) -> int | None:
    """All that a reader of state asks of headers."""
    try:
        return sequence_of(texts["ce_sequence"])
    except (KeyError, ValueError):
        return None


def texts_of(headers: Headers) -> dict[str, str]:
    """The same as `attributes`, at a fraction of its cost for headers as our relays write them."""
    found = dict(headers)
    if len(found) == len(headers) and found.keys() <= OURS:
        try:
            joined = b"\n".join(found.values()).decode()  # type: ignore[arg-type]
        except (TypeError, UnicodeDecodeError):
            return attributes(headers)
        texts = joined.split("\n")
        if len(texts) == len(found) and "\0" not in joined:
            return dict(zip(found, texts, strict=True))
    return attributes(headers)


def event_id(texts: dict[str, str]) -> str:
    """The id of the event, as all of ours write it; raises KeyError and ValueError."""
    text = texts["ce_id"]
    return text if _ID.fullmatch(text) else str(UUID(text))


def json_of(texts: dict[str, str]) -> str:
    """Attributes as a JSON object, with that id."""
    found = event_id(texts)
    return to_json(texts if texts["ce_id"] == found else texts | {"ce_id": found}).decode()


def names_asset(key: bytes) -> bool:
    """Whether the key is an asset's id, in the one form that we write."""
    return _KEY.fullmatch(key) is not None


def asset_of(key: bytes | None) -> UUID | None:
    """The asset a key names."""
    if key is not None and names_asset(key):
        return convert(key.decode(), UUID)  # a third of what UUID() takes
    try:
        return UUID((key or b"").decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        return None


def asset_text(key: bytes | None) -> str | None:
    """The same as text, in the one form that we write."""
    if key is not None and names_asset(key):
        return key.decode()
    found = asset_of(key)
    return str(found) if found else None


def newest_first(records: Sequence[Any]) -> list[tuple[int, Any]]:
    """Records with their sequences, the highest first; of equal ones the first came first.

    The last record of a key need not be the one that counts: it may be old, or not readable.
    """
    marked = [(mark.sequence, record) for record in records if (mark := mark_of(record))]
    return sorted(marked, key=lambda pair: -pair[0])
