"""A record of every type with every field filled, the same on every machine."""

import types
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from common.events import Envelope, Event, Message
from common.events.reference.schemas import producers_of
from common.ids import EventId

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
ASSET = "01890a5d-ac96-774b-bcce-b302099a8057"
TEXTS = {
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "etag": "9a0364b9e99bb480dd25e1f0284c8555",
    "content_type": "audio/mpeg",
    "key": f"u/{ASSET}/mp3-192-0123456789abcdef.mp3",
    "keys": f"u/{ASSET}/original-0123456789abcdef.flac",
    "rendition": "mp3-192",
    "profile": "mp3-192",
    "ready": "mp3-192",
    "failed": "aac-128",
    "viewer": "AZ_jsrgeShk",
    "state": "ready",
    "visibility": "owner",
    "original_policy": "on-request",
    "service": "catalog",
    "file_name": "Sunrise Set.flac",
    "container": "mp3",
    "codec": "mp3",
    "kind": "audio",
    "facet": "public",
    "title": "Sunrise Set",
    "artist": "The Early Birds",
    "description": "Recorded on the roof",
    "text": "The whole set is up.",
    "name": "mp3-192",
    "CircleState.name": "Roof people",
    "label": "site rebuild",
    "origin": "https://hooks.example.org",
    "events": "reprise.asset.ready.v1",
    "audio_quality": "mp3-320",
}


def sample(model: type[BaseModel]) -> dict[str, Any]:
    """A value with every field filled."""
    return {name: _field(model, name, field) for name, field in model.model_fields.items()}


def paths(value: Any, where: str = "") -> Iterator[str]:
    """Every field of a value, by its path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{where}.{name}"
            yield from paths(inner, f"{where}.{name}")
    for inner in value if isinstance(value, list) else ():
        yield from paths(inner, where)


def record_of(model: type[Event]) -> dict[str, Any]:
    """The values that stand in Kafka, in a form people can read."""
    values = sample(model)
    key = model.KEY.format_map(values)
    envelope = Envelope(
        id=EventId(UUID("01890a5d-ac96-774b-bcce-b302099a8058")),
        source=min(producers_of(model)),
        type=model.TYPE,
        time=TIME,
        subject=key,
        sequence=7,
        correlation_id="01890a5d-ac96-774b-bcce-b302099a8050",
        causation_id="01890a5d-ac96-774b-bcce-b302099a8051",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    event = model.model_validate(values)
    message = Message(model.TOPIC.name, key, envelope, event.model_dump_json().encode())
    return {
        "topic": message.topic,
        "key": message.key,
        "headers": {name: value.decode() for name, value in message.headers()},
        "value": event.model_dump(mode="json"),
    }


def _field(model: type[BaseModel], name: str, field: FieldInfo) -> Any:
    own = f"{model.__name__}.{name}"
    if name == "requires":
        return 1
    return _value(own if own in TEXTS else name, field.annotation)


def _value(name: str, annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _value(name, arguments[0])
    if origin in {Union, types.UnionType}:
        return _value(name, next(kind for kind in arguments if kind is not type(None)))
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        return [_value(name, arguments[0])]
    if origin is dict:
        return {"media.uploads.v1" if arguments[1] is int else "title": _value(name, arguments[1])}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return sample(annotation)
    return _plain(name, annotation)


def _plain(name: str, annotation: Any) -> Any:
    if annotation is UUID:
        return ASSET if name == "asset_id" else str(UUID(int=sum(name.encode()) << 64, version=4))
    if annotation is datetime:
        return TIME.isoformat().replace("+00:00", "Z")
    return {str: TEXTS.get(name, f"some-{name}"), int: 3, float: 2.5, bool: True}[annotation]
