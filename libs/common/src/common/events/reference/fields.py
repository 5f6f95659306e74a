"""JSON Schema to rows that people read: name, type, whether it may be absent, meaning."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]

_FORMATS = {"uuid": "uuid", "date-time": "time (RFC 3339)"}
_TYPES = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false"}


@dataclass(frozen=True, slots=True)
class Row:
    """One field. `presence` says what an absent field means."""

    name: str
    type: str
    presence: str
    meaning: str


def rows(schema: Schema) -> list[Row]:
    """The fields of one object, in the order in which they are written."""
    required = set(schema.get("required", ()))
    return [
        Row(name, _type(field), _presence(field, name in required), meaning(field))
        for name, field in schema.get("properties", {}).items()
    ]


def parts_of(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """The parts that stand inside, by name."""
    yield from schema.get("$defs", {}).items()


def meaning(field: Schema) -> str:
    """What its model says of a field; empty when nobody said anything."""
    for place in (field, *field.get("anyOf", ())):
        if "description" in place:
            return str(place["description"])
    return ""


def _type(field: Schema) -> str:
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"] if choice != {"type": "null"})
    if "$ref" in field:
        return f"`{str(field['$ref']).rsplit('/', 1)[-1]}`"
    if "enum" in field or "const" in field:
        return ", ".join(f"`{word}`" for word in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if field.get("type") == "object":
        return f"map of text to {_type(field['additionalProperties'])}"
    if "format" in field:
        return _FORMATS[field["format"]]
    return f"{_TYPES[field['type']]}{_bounds(field)}"


def _bounds(field: Schema) -> str:
    if "pattern" in field:
        return f" `{field['pattern']}`"
    low = f" ≥ {field['minimum']}" if "minimum" in field else ""
    return low + (f" ≤ {field['maximum']}" if "maximum" in field else "")


def _presence(field: Schema, required: bool) -> str:
    if required:
        nullable = {"type": "null"} in field.get("anyOf", ())
        return "required, may be null" if nullable else "required"
    default = field.get("default")
    if default in (None, [], {}):
        return "optional"
    return f"default `{json.dumps(default)}`"
