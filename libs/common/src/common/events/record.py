"""One record as it came from Kafka, apart from the client that read it."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """Bytes and place of origin, as a parked row or a dead letter must give them back.

    `timestamp` is Kafka's, in milliseconds. Others may write headers without a value.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None

    @classmethod
    def of(cls, record: Any) -> Self:
        """What a Kafka client's consumer gave, whatever its class."""
        return cls(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            tuple(record.headers),
            record.value,
        )
