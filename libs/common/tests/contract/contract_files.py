"""The committed contract: one golden record and one JSON Schema per event type.

`python -m libs.common.tests.contract.contract_files` writes what is missing. A golden that exists
is never written again; a schema is only replaced by one that is compatible with it.
"""

import json
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from common.events import EVENT_TYPES, Envelope, Event, Message
from common.ids import EventId

GOLDEN = Path(__file__).with_name("golden")
SCHEMAS = Path(__file__).parents[4] / "docs" / "reference" / "schemas"

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
}
# key and source of records that are not keyed by asset, or have several producers
KEYS = {
    "reprise.state.asset.v1": (f"asset/{ASSET}", "catalog"),
    "reprise.state.alias.v1": (f"alias/{ASSET}", "catalog"),
    "reprise.state.epoch.v1": ("meta/epoch", "catalog"),
    "reprise.details.upload.v1": (f"upload-gateway/{ASSET}", "upload-gateway"),
    "reprise.details.media.v1": (f"transcoder/{ASSET}", "transcoder"),
    "reprise.watermark.v1": ("catalog", "catalog"),
}


def sample(model: type[BaseModel]) -> dict[str, Any]:
    """A value with every field filled, the same on every machine."""
    return {name: _field(name, field) for name, field in model.model_fields.items()}


def _field(name: str, field: FieldInfo) -> Any:
    return 1 if name == "requires" else _value(name, field.annotation)


def _value(name: str, annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
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


def golden_of(model: type[Event]) -> dict[str, Any]:
    """The record of a type as it stands in Kafka, in a form people can read."""
    key, source = KEYS.get(model.TYPE, (ASSET, min(model.TOPIC.producers)))
    envelope = Envelope(
        id=EventId(UUID("01890a5d-ac96-774b-bcce-b302099a8058")),
        source=source,
        type=model.TYPE,
        time=TIME,
        subject=key,
        sequence=7,
        correlation_id="01890a5d-ac96-774b-bcce-b302099a8050",
        causation_id="01890a5d-ac96-774b-bcce-b302099a8051",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    event = model.model_validate(sample(model))
    message = Message(model.TOPIC.name, key, envelope, event.model_dump_json().encode())
    return {
        "topic": message.topic,
        "key": message.key,
        "headers": {name: value.decode() for name, value in message.headers()},
        "value": json.loads(message.payload or b"null"),
    }


def schema_of(model: type[Event]) -> dict[str, Any]:
    """The JSON Schema of a type's value."""
    return {"$id": model.TYPE, **model.model_json_schema()}


def breaks(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Why records written under one schema would not be read under the other, both ways round."""
    definitions = {"": old} | old.get("$defs", {})
    for name, was in definitions.items():
        now = new if not name else new.get("$defs", {}).get(name)
        if now is None:
            yield f"{name} is gone"
            continue
        yield from _broken_object(name, was, now)


def _broken_object(name: str, was: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    demanded, demands = set(was.get("required", ())), set(now.get("required", ()))
    yield from (f"{name}.{field} became required" for field in sorted(demands - demanded))
    yield from (f"{name}.{field} is no longer required" for field in sorted(demanded - demands))
    for field, meaning in was.get("properties", {}).items():
        other = now.get("properties", {}).get(field)
        if other is None:
            yield f"{name}.{field} is gone"
        elif _bare(meaning) != _bare(other):
            yield f"{name}.{field} means something else"


def _bare(value: Any) -> Any:
    """A schema without what only people read."""
    if isinstance(value, dict):
        ignored = {"title", "description"}
        return {key: _bare(item) for key, item in value.items() if key not in ignored}
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return value


def pretty(document: dict[str, Any]) -> str:
    """How the files are written."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Write missing goldens, and schemas that changed without breaking anything."""
    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for name, model in EVENT_TYPES.items():
        golden, schema = GOLDEN / f"{name}.json", SCHEMAS / f"{name}.json"
        if not golden.exists():
            golden.write_text(pretty(golden_of(model)), encoding="utf-8")
        new = schema_of(model)
        if schema.exists() and (why := list(breaks(json.loads(schema.read_text("utf-8")), new))):
            raise SystemExit(f"{name}: {'; '.join(why)}. Make a new type and an upcaster instead.")
        schema.write_text(pretty(new), encoding="utf-8")


if __name__ == "__main__":
    write()
