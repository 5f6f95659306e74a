"""Trace ids for logs and Kafka headers, and spans for whoever gives an exporter.

Without an exporter spans are not recorded: ids still flow from request to event to job, at the
price of two random numbers. With one, everything that leaves is scrubbed first.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import Status, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from typing_extensions import override

from common.telemetry.scrub import SCRUBBED, is_secret_name, scrub

_PROPAGATOR = TraceContextTextMapPropagator()


def configure(service: str, exporter: SpanExporter | None = None) -> Tracer:
    """A tracer; with an exporter, spans are recorded, scrubbed and sent in batches."""
    provider = TracerProvider(
        resource=Resource({"service.name": service}),
        sampler=ALWAYS_ON if exporter else ALWAYS_OFF,
        shutdown_on_exit=False,
    )
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(ScrubbingExporter(exporter)))
    return provider.get_tracer("reprise")


def current_traceparent() -> str | None:
    """The W3C header of the span we are in, or None outside of one."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{int(span.trace_flags):02x}"


def current_ids() -> dict[str, str]:
    """trace_id and span_id for a log line; empty outside of a span."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}


_fallback = configure("reprise")


@contextmanager
def span_from(
    traceparent: str | None,
    name: str,
    *,
    tracer: Tracer | None = None,
    kind: trace.SpanKind = trace.SpanKind.INTERNAL,
) -> Iterator[trace.Span]:
    """Run a block as a child of `traceparent`; none, or garbage, begins a new trace."""
    parent = _PROPAGATOR.extract(
        {"traceparent": traceparent} if traceparent else {}, context.Context()
    )
    with (tracer or _fallback).start_as_current_span(name, context=parent, kind=kind) as span:
        yield span


class ScrubbingExporter(SpanExporter):
    """Hands spans to another exporter, without secrets in names, attributes, events or status."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([_scrubbed(span) for span in spans])

    @override
    def shutdown(self) -> None:
        self._inner.shutdown()

    @override
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def _scrubbed(span: ReadableSpan) -> ReadableSpan:
    status = span.status
    return ReadableSpan(
        name=scrub(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_attributes(span.attributes),
        events=[Event(scrub(e.name), _attributes(e.attributes), e.timestamp) for e in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(
            status.status_code, scrub(status.description) if status.description else None
        ),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(given: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {name: _attribute(name, value) for name, value in (given or {}).items()}


def _attribute(name: str, value: AttributeValue) -> AttributeValue:
    if is_secret_name(name):
        return SCRUBBED
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Sequence):
        return [scrub(item) if isinstance(item, str) else item for item in value]
    return value
