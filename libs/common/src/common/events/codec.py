"""(type, bytes) to event: an unknown type, a bad value and a tombstone are told apart."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from common.errors import Corrupt
from common.events.envelope import Envelope, from_headers
from common.events.model import Event
from common.events.upcasters import RETIRED, Retired, upcast
from common.events.v1 import (
    accesses,
    assets,
    catalog_state,
    catalog_state_media,
    catalog_state_people,
    catalog_state_webhooks,
    details,
    purges,
    renditions,
    uploads,
    watermarks,
)

_MODULES = (
    uploads,
    assets,
    renditions,
    purges,
    catalog_state,
    catalog_state_media,
    catalog_state_people,
    catalog_state_webhooks,
    details,
    accesses,
    watermarks,
)


@dataclass(frozen=True, slots=True)
class Received:
    """One record read: `event` None is a tombstone, or a type this reader does not know.

    `envelope.type` is what was written, also where an upcaster made a later type of it.
    """

    envelope: Envelope
    key: str
    event: Event | None
    unknown: bool = False


def _event_types() -> dict[str, type[Event]]:
    found: dict[str, type[Event]] = {}
    for module in _MODULES:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Event) and "TYPE" in vars(value):
                found[value.TYPE] = value
    return found


EVENT_TYPES: dict[str, type[Event]] = _event_types()


def decode(
    key: bytes | None,
    headers: Iterable[tuple[str, bytes | None]],
    value: bytes | None,
    *,
    types: Mapping[str, type[Event]] = EVENT_TYPES,
    retired: Mapping[str, Retired] = RETIRED,
) -> Received:
    """Read one record as Kafka gives it.

    Raises Corrupt for a record without our envelope, in structured mode, or with a value that its
    model refuses, and nothing else whatever the bytes are. A type added by a newer producer is not
    an error of the record: it comes back as `unknown` and the consumer says what that means. A
    record of a retired type comes back as what replaced it.
    """
    envelope, text = from_headers(headers), key_text(key)
    if value is None:
        return Received(envelope, text, None)
    event = decode_value(envelope.type, value, types=types, retired=retired)
    return Received(envelope, text, event, unknown=event is None)


def decode_value(
    name: str,
    value: bytes,
    *,
    types: Mapping[str, type[Event]] = EVENT_TYPES,
    retired: Mapping[str, Retired] = RETIRED,
) -> Event | None:
    """The value of a record written as type `name`; None when no model here knows that type.

    Raises Corrupt (`bad_payload`).
    """
    last = name
    if name in retired:
        last, value = _lifted(name, value, retired)
    model = types.get(last)
    if model is None:
        return None
    try:
        # strict: a number in quotes is not what the contract says, and readers in other languages
        # would refuse it
        return model.model_validate_json(value, strict=True)
    except ValidationError as error:
        # neither the error's own text nor a path below the field: both would repeat the input
        fields = {str(item["loc"][0]) if item["loc"] else "value" for item in error.errors()}
        names = ", ".join(sorted(fields))
        raise Corrupt(f"{name}: bad {names}", code="bad_payload") from error


def key_text(key: bytes | None) -> str:
    """The key as text for rows and logs; what no column could hold is replaced."""
    return (key or b"").decode("utf-8", "replace").replace("\0", "\ufffd")


def _lifted(name: str, value: bytes, retired: Mapping[str, Retired]) -> tuple[str, bytes]:
    try:
        parsed: Any = json.loads(value)
        last, lifted = upcast(name, parsed, retired)
        return last, json.dumps(lifted).encode()
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{name}: bad value", code="bad_payload") from error
