"""Reads the environment once, or says in one sentence per variable what is wrong with it."""

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any, TypeVar, get_type_hints

from pydantic import (
    ValidationError,
)
from pydantic.fields import FieldInfo

from common.settings.groups import Group

S = TypeVar("S")


class BadSettings(Exception):
    """The environment cannot be used; `sentences` has one for each variable that is wrong."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def read(settings: type[S]) -> S:
    """Build a settings dataclass from the environment; BadSettings tells all that is wrong."""
    groups: dict[str, Group] = {}
    wrong: list[str] = []
    for name, group in groups_of(settings):
        try:
            groups[name] = group()
        except ValidationError as error:
            wrong += _sentences(group, error)
    if wrong:
        raise BadSettings(wrong)
    return settings(**groups)


def load(settings: type[S]) -> S:
    """As `read`, for `main`: prints the sentences and ends the process with status 2."""
    try:
        return read(settings)
    except BadSettings as error:
        for sentence in error.sentences:
            sys.stderr.write(f"settings: {sentence}\n")
        raise SystemExit(2) from None


def groups_of(settings: type) -> Iterator[tuple[str, type[Group]]]:
    """The groups of a settings dataclass, by attribute."""
    hints = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        yield field.name, hints[field.name]


def _sentences(group: type[Group], error: ValidationError) -> list[str]:
    return [_sentence(group, item) for item in error.errors(include_url=False)]


def _sentence(group: type[Group], item: Any) -> str:
    message = item["msg"].removeprefix("Value error, ")
    if not item["loc"]:
        return message if message.endswith(".") else f"{message}."
    name, field = _variable_of(group, str(item["loc"][0]))
    if item["type"] == "missing":
        return f"{name} is not set. {field.description}"
    return f"{name} is wrong: {message[0].lower()}{message[1:]}. {field.description}"


def _variable_of(group: type[Group], location: str) -> tuple[str, FieldInfo]:
    for name, field in group.model_fields.items():
        if location in {name, field.validation_alias}:
            return str(field.validation_alias), field
    raise KeyError(location)
