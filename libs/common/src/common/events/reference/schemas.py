"""The JSON Schema of a type's value, as it is committed, checked and published."""

from typing import Any

from common.events.model import Event


def schema_of(model: type[Event]) -> dict[str, Any]:
    """The schema by which records are read; nested parts stand under `$defs`."""
    return {"$id": model.TYPE, **model.model_json_schema()}


def producers_of(model: type[Event]) -> frozenset[str]:
    """The services that write this type."""
    return model.PRODUCERS or model.TOPIC.producers
