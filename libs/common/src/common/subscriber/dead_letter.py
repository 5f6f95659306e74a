"""One dead letter: the record as it came, and headers that say why it was given up."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from common.errors import Corrupt, RepriseError
from common.events.envelope import Envelope, from_headers
from common.events.record import SourceRecord
from common.subscriber.error_text import class_names, scrubbed_traceback
from common.telemetry.scrub import scrub

PREFIX = "dlq_"
MAX_DETAIL = 500  # characters


@dataclass(frozen=True, slots=True)
class Why:
    """Why a group gave a record up.

    `reason` is a stable code and `detail` one sentence without content of the record. `error` is
    the class that was raised, `cause` the classes behind it, `traceback` only for one that nobody
    foresaw. `attempts` counts the tries, `at` is when it was given up.
    """

    group: str
    reason: str
    detail: str
    at: datetime
    attempts: int = 1
    error: str = ""
    cause: str = ""
    traceback: str = ""

    @classmethod
    def of(
        cls,
        group: str,
        reason: str,
        detail: str,
        at: datetime,
        *,
        attempts: int,
        error: BaseException | None,
    ) -> Self:
        """From what was raised; its text is scrubbed, and only a foreseen sentence goes uncut."""
        behind = class_names(error)
        foreseen = error is None or isinstance(error, RepriseError)
        return cls(
            group,
            reason,
            scrub(detail)[:MAX_DETAIL],
            at,
            attempts,
            behind[0] if behind else "",
            ", ".join(behind[1:]),
            "" if foreseen else scrubbed_traceback(error),
        )

    def headers(
        self, record: SourceRecord, *, brief: bool = False
    ) -> list[tuple[str, bytes | None]]:
        """The record's own headers and these; `brief` leaves out what may be long."""
        why = {
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "timestamp": str(record.timestamp),
            "group": self.group,
            "reason": self.reason,
            "at": self.at.isoformat(),
            "attempts": str(self.attempts),
            "error": self.error,
        }
        if not brief:
            why |= {"detail": self.detail, "cause": self.cause, "traceback": self.traceback}
        told = [(PREFIX + name, text.encode("utf-8", "replace")) for name, text in why.items()]
        return [*record.headers, *((name, text) for name, text in told if text)]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One copy of a record among the dead letters of a group.

    The same record may lie there more than once: its consumer was killed before it committed, or it
    was redriven and failed again. `digest` is the same for all of them. `offset` and `kept_at`
    (Kafka's time) are this copy's.
    """

    record: SourceRecord
    why: Why
    offset: int
    kept_at: datetime

    @property
    def digest(self) -> str:
        """Hex name of the record for its group: its origin and its id, or its bytes without one.

        So an edited record keeps its name, and one that came after a lost Kafka to the same place
        has another.
        """
        record = self.record
        known = dict(record.headers).get("ce_id") or record.value or b""
        place = f"{self.why.group}\n{record.topic}\n{record.partition}\n{record.offset}\n".encode()
        return hashlib.sha256(place + _sized(record.key or b"") + known).hexdigest()

    @property
    def envelope(self) -> Envelope | None:
        """None: what came was no event of ours, and cannot be handed to a consumer again."""
        try:
            return from_headers(self.record.headers)
        except Corrupt:
            return None


def read_dead_letter(copy: SourceRecord, group: str) -> DeadLetter:
    """What `Why.headers` wrote, read back; what others wrote there loses its why, not itself."""
    told = {
        name.removeprefix(PREFIX): (value or b"").decode("utf-8", "replace")
        for name, value in copy.headers
        if name.startswith(PREFIX)
    }
    kept_at = datetime.fromtimestamp(max(0, copy.timestamp) / 1000, UTC)
    record = SourceRecord(
        told.get("topic", copy.topic),
        _number(told.get("partition"), copy.partition),
        _number(told.get("offset"), copy.offset),
        _number(told.get("timestamp"), copy.timestamp),
        copy.key,
        tuple((name, value) for name, value in copy.headers if not name.startswith(PREFIX)),
        copy.value,
    )
    why = Why(
        group,
        told.get("reason", "unknown"),
        told.get("detail", ""),
        _moment(told.get("at"), kept_at),
        _number(told.get("attempts"), 1),
        told.get("error", ""),
        told.get("cause", ""),
        told.get("traceback", ""),
    )
    return DeadLetter(record, why, copy.offset, kept_at)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() else otherwise


def _moment(text: str | None, otherwise: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return otherwise
    return moment if moment.tzinfo else otherwise


def _sized(value: bytes) -> bytes:
    return str(len(value)).encode() + b"\n" + value
