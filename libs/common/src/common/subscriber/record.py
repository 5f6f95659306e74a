"""One record as it came from Kafka, apart from the client that read it."""

from dataclasses import dataclass
from typing import Any, Self

from aiokafka import ConsumerRecord


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """Bytes and place of origin, as a parked row or a dead letter must give them back.

    `timestamp` is Kafka's, in milliseconds.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None

    @classmethod
    def of(cls, record: "ConsumerRecord[Any, Any]") -> Self:
        """What a consumer of aiokafka gave."""
        return cls(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            tuple(record.headers),
            record.value,
        )
