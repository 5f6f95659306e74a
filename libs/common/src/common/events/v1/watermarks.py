"""How far each producer has told all it knows (topic media.watermarks.v1, key = service)."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from common.events.model import StateRecord
from common.events.topics import WATERMARKS


class Watermark(StateRecord):
    """All rows of `service` committed before `at` are in Kafka."""

    TOPIC: ClassVar = WATERMARKS
    TYPE: ClassVar = "reprise.watermark.v1"
    KEY: ClassVar = "{service}"
    service: str = Field(description="who says so")
    at: datetime = Field(description="T, by the clock of its database; of delivery: of its node")
