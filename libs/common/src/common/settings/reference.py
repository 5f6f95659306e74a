"""Every variable of a service with its type, default and meaning, for the generated reference."""

import dataclasses
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    SecretStr,
)
from pydantic.fields import FieldInfo

from common.settings.reading import groups_of


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """One row of the generated reference."""

    name: str
    type: str
    default: str | None
    meaning: str
    secret: bool


def reference(settings: type) -> list[Variable]:
    """Every variable of a settings dataclass, in the order it is written."""
    return [
        _variable(field)
        for _, group in groups_of(settings)
        for field in group.model_fields.values()
    ]


def _variable(field: FieldInfo) -> Variable:
    required = field.is_required()
    return Variable(
        name=str(field.validation_alias),
        type=_type_name(field.annotation),
        default=None if required else _default_text(field.get_default(call_default_factory=True)),
        meaning=field.description or "",
        secret=_type_name(field.annotation) == "secret",
    )


def _type_name(annotation: Any) -> str:
    if annotation is SecretStr:
        return "secret"
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type_name(get_args(annotation)[0])
    if origin is Literal:
        return " | ".join(str(value) for value in get_args(annotation))
    if origin is frozenset:
        return "list"
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if parts:
        return _type_name(parts[0])
    return {str: "text", int: "integer", float: "number", bool: "true | false"}.get(
        annotation, getattr(annotation, "__name__", str(annotation))
    )


def _default_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, frozenset):
        return ",".join(sorted(map(str, value)))
    return str(value)
