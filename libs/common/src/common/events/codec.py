"""(type, bytes) to event: an unknown type, a bad value and a tombstone are told apart."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from common.errors import Corrupt
from common.events.envelope import Envelope, from_headers
from common.events.model import Event
from common.events.v1 import (
    accesses,
    assets,
    catalog_state,
    details,
    purges,
    renditions,
    uploads,
    watermarks,
)

_MODULES = (uploads, assets, renditions, purges, details, accesses, watermarks, catalog_state)


@dataclass(frozen=True, slots=True)
class Received:
    """One record read: `event` None is a tombstone, or a type this reader does not know."""

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
    key: bytes | None, headers: Iterable[tuple[str, bytes | None]], value: bytes | None
) -> Received:
    """Read one record as Kafka gives it.

    Raises Corrupt for a record without our envelope or with a value that its model refuses. A type
    added by a newer producer is not an error of the record: it comes back as `unknown` and the
    consumer says what that means.
    """
    envelope = from_headers(headers)
    text = (key or b"").decode("utf-8", "replace")
    model = EVENT_TYPES.get(envelope.type)
    if value is None:
        return Received(envelope, text, None)
    if model is None:
        return Received(envelope, text, None, unknown=True)
    try:
        return Received(envelope, text, model.model_validate_json(value))
    except ValidationError as error:
        # the error's own text would repeat the input
        fields = ", ".join(".".join(map(str, item["loc"])) or "value" for item in error.errors())
        raise Corrupt(f"{envelope.type}: bad {fields}", code="bad_payload") from error
