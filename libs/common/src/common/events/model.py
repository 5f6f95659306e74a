"""What a fact and a state record are: frozen pydantic models with a type and a topic.

Unknown fields are ignored when read and refused when written, so that a misspelt field never leaves
a producer and an additive change never stops a consumer (events.md 3.6).
"""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from common.events.topics import Topic


class Event(BaseModel):
    """Anything that may stand as the value of a record."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    TYPE: ClassVar[str]
    TOPIC: ClassVar[Topic]

    def __init__(self, **data: Any) -> None:
        unknown = data.keys() - type(self).model_fields.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        super().__init__(**data)


class Fact(Event):
    """Something that happened: past tense, opaque ids only, kept for ever."""


class StateRecord(Event):
    """What is now: one record per entity, tombstoned when it is gone."""
