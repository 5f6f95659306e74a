"""One `send` span for a batch, linked to the requests that its records come from (events.md 5.1).

The records keep the trace context they were stored with: a consumer hangs under the request, not
under the relay.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from common.events.message import Message

MOST_LINKS = 128  # as many as the SDK keeps of one span
_PROPAGATOR = TraceContextTextMapPropagator()


@contextmanager
def send_span(tracer: trace.Tracer, messages: Sequence[Message]) -> Iterator[None]:
    """A span of its own trace around the sending of `messages`; costs nothing unless recorded."""
    with tracer.start_as_current_span(
        "send", context=context.Context(), kind=trace.SpanKind.PRODUCER
    ) as span:
        if span.is_recording():
            _describe(span, messages)
        yield


def _describe(span: trace.Span, messages: Sequence[Message]) -> None:
    topics = {message.topic for message in messages}
    if len(topics) == 1:
        (topic,) = topics
        span.update_name(f"send {topic}")
        span.set_attribute("messaging.destination.name", topic)
    span.set_attribute("messaging.system", "kafka")
    span.set_attribute("messaging.operation.name", "send")
    span.set_attribute("messaging.operation.type", "send")
    span.set_attribute("messaging.batch.message_count", len(messages))
    stored = dict.fromkeys(m.envelope.traceparent for m in messages if m.envelope.traceparent)
    for traceparent in list(stored)[:MOST_LINKS]:
        carrier = _PROPAGATOR.extract({"traceparent": traceparent}, context.Context())
        span.add_link(trace.get_current_span(carrier).get_span_context())
