"""What a fact and a state record are: frozen pydantic models with a type, a topic and a key.

Unknown fields are ignored when read and refused when written, so that a misspelt field never leaves
a producer and an additive change never stops a consumer (events.md 3.6).
"""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from common.events.topics import Topic


class Part(BaseModel):
    """Anything inside the value of a record, and the value itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def __init__(self, **data: Any) -> None:
        unknown = data.keys() - type(self).model_fields.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        super().__init__(**data)

    # Without this mark pydantic takes every record it reads through the constructor above, and the
    # first field added by a newer producer would stop all older consumers.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class Event(Part):
    """Anything that may stand as the value of a record.

    `KEY` is the key of its record with field names in braces; `PRODUCERS` are those of the topic
    that write this type, None for all of them.
    """

    TYPE: ClassVar[str]
    TOPIC: ClassVar[Topic]
    KEY: ClassVar[str]
    PRODUCERS: ClassVar[frozenset[str] | None] = None

    def record_key(self) -> str:
        """The key its record is written under."""
        return self.KEY.format_map({name: getattr(self, name) for name in type(self).model_fields})


class Fact(Event):
    """Something that happened: past tense, opaque ids only, kept for ever."""

    KEY: ClassVar[str] = "{asset_id}"


class StateRecord(Event):
    """What is now: one record per entity, tombstoned when it is gone."""
