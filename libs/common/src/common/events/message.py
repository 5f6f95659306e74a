"""A record on its way out: what a use case appends to the outbox and the relay publishes."""

from dataclasses import dataclass, replace

from common.clock import Clock
from common.events.envelope import Envelope, Headers
from common.events.model import Event
from common.events.topics import Topic
from common.ids import EventId, new_event_id


@dataclass(frozen=True, slots=True)
class Message:
    """One record. `payload` None is a tombstone. `key` decides the partition and so the order."""

    topic: str
    key: str
    envelope: Envelope
    payload: bytes | None

    def headers(self) -> Headers:
        """The envelope as Kafka headers."""
        return self.envelope.to_headers()


def new_message(
    event: Event,
    *,
    source: str,
    key: str,
    sequence: int,
    clock: Clock,
    subject: str | None = None,
    event_id: EventId | None = None,
    cause: Envelope | None = None,
    traceparent: str | None = None,
) -> Message:
    """Wrap an event. `source` is the service; `cause` is the envelope of the event that led here.

    The trace of the cause goes on unless another `traceparent` is given.
    """
    envelope = Envelope(
        id=event_id or new_event_id(),
        source=source,
        type=event.TYPE,
        time=clock.now(),
        subject=subject or key,
        sequence=sequence,
    )
    if cause is not None:
        envelope = replace(
            envelope,
            correlation_id=cause.correlation_id or str(cause.id),
            causation_id=str(cause.id),
            traceparent=cause.traceparent,
        )
    if traceparent is not None:
        envelope = replace(envelope, traceparent=traceparent)
    return Message(event.TOPIC.name, key, envelope, event.model_dump_json().encode())


def tombstone(
    topic: Topic,
    *,
    type: str,  # noqa: A002
    source: str,
    key: str,
    sequence: int,
    clock: Clock,
) -> Message:
    """The record that removes `key` from a compacted topic; the sequence travels in its header."""
    envelope = Envelope(
        id=new_event_id(),
        source=source,
        type=type,
        time=clock.now(),
        subject=key,
        sequence=sequence,
    )
    return Message(topic.name, key, envelope, payload=None)
