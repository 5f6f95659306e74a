"""CloudEvents 1.0 attributes to and from Kafka headers, binary mode (design §3, frozen)."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.errors import Corrupt
from common.ids import EventId

Headers = list[tuple[str, bytes]]
CONTENT_TYPE = "application/json"
STRUCTURED = "application/cloudevents"
OURS = frozenset(
    {
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_sequence",
        "ce_correlationid",
        "ce_causationid",
        "traceparent",
        "content-type",
    }
)
_SEQUENCE = re.compile(r"[1-9][0-9]{0,18}")
_LARGEST = 2**63 - 1


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
    """Read leniently: a header that is no text loses itself, never the record.

    Raises Corrupt when an attribute we cannot do without is missing or malformed
    (`bad_envelope`), or when the event stands in its value instead (`structured_mode`).
    """
    texts = attributes(headers)
    if texts.get("content-type", "").strip().lower().startswith(STRUCTURED):
        raise Corrupt(
            "a CloudEvent in structured mode; only binary mode is read here", code="structured_mode"
        )
    try:
        return Envelope(
            id=EventId(UUID(texts["ce_id"])),
            source=texts["ce_source"],
            type=texts["ce_type"],
            time=_moment(texts["ce_time"]),
            subject=texts["ce_subject"],
            sequence=sequence_of(texts["ce_sequence"]),
            correlation_id=texts.get("ce_correlationid"),
            causation_id=texts.get("ce_causationid"),
            traceparent=texts.get("traceparent"),
        )
    except (KeyError, ValueError) as error:
        raise Corrupt(f"not an event of ours: {error}", code="bad_envelope") from error


def attributes(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Our attributes among the headers of a record, whatever else stands there.

    A value that is null, not UTF-8 or holds a NUL (which no table of ours could keep) counts as not
    there. Of several under one name the first usable one counts: a producer's own come first, and
    what tools on the way append cannot change what was said.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        if name in OURS and name not in found and value is not None:
            with suppress(UnicodeDecodeError):
                text = value.decode()
                if "\0" not in text:
                    found[name] = text
    return found


def sequence_of(text: str) -> int:
    """A sequence as we write it: decimal, from 1, and a column can hold it; else ValueError."""
    if not _SEQUENCE.fullmatch(text) or int(text) > _LARGEST:
        raise ValueError("not a sequence")
    return int(text)


def _moment(text: str) -> datetime:
    """Every time of ours has a zone; one without cannot be compared with any of them."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
