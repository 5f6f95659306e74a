"""CloudEvents 1.0 attributes to and from Kafka headers, binary mode (design §3, frozen)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.errors import Corrupt
from common.ids import EventId

Headers = list[tuple[str, bytes]]
CONTENT_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The attributes of one event. `sequence` counts per aggregate and topic from 1."""

    id: EventId
    source: str
    type: str
    time: datetime
    subject: str
    sequence: int
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None

    def to_headers(self) -> Headers:
        """Binary mode: `ce_` attributes, plain `content-type` and `traceparent`."""
        pairs = {
            "ce_specversion": "1.0",
            "ce_id": str(self.id),
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_time": self.time.isoformat(),
            "ce_subject": self.subject,
            "ce_sequence": str(self.sequence),
            "ce_correlationid": self.correlation_id,
            "ce_causationid": self.causation_id,
            "traceparent": self.traceparent,
            "content-type": CONTENT_TYPE,
        }
        return [(name, value.encode()) for name, value in pairs.items() if value is not None]


def from_headers(headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
    """Read leniently: a header that is no UTF-8 loses itself, never the record.

    Raises Corrupt when an attribute we cannot do without is missing or malformed.
    """
    texts = {name: (value or b"").decode("utf-8", "replace") for name, value in headers}
    try:
        return Envelope(
            id=EventId(UUID(texts["ce_id"])),
            source=texts["ce_source"],
            type=texts["ce_type"],
            time=_moment(texts["ce_time"]),
            subject=texts["ce_subject"],
            sequence=int(texts["ce_sequence"]),
            correlation_id=texts.get("ce_correlationid"),
            causation_id=texts.get("ce_causationid"),
            traceparent=texts.get("traceparent"),
        )
    except (KeyError, ValueError) as error:
        raise Corrupt(f"not an event of ours: {error}", code="bad_envelope") from error


def _moment(text: str) -> datetime:
    """Every time of ours has a zone; one without cannot be compared with any of them."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
