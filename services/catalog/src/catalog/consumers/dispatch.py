"""Facts to use cases: one table per topic, and what became of each fact is counted."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from prometheus_client import Counter

from catalog.domain.applied import Outcome
from common.events import Fact, Received
from common.events.envelope import Envelope
from common.telemetry import logs
from common.telemetry.metrics import Metrics

Handlers = Mapping[type[Fact], Callable[[Any, Envelope], Awaitable[Outcome]]]
Handle = Callable[[Received], Awaitable[None]]

_logger = logs.get_logger("catalog.consumers")


def dispatch(group: str, handlers: Handlers, metrics: Metrics) -> Handle:
    """A handler for one consumer group. Facts without an entry in the table mean nothing here."""
    counter = outcomes(metrics)

    async def handle(received: Received) -> None:
        use_case = handlers.get(type(received.event)) if received.event else None  # type: ignore[arg-type]
        if use_case is None:
            counter.labels(group, "ignored").inc()
            return
        outcome = await use_case(received.event, received.envelope)
        counter.labels(group, outcome.value).inc()
        if outcome is Outcome.GAP:
            # behind one relay this cannot happen: somebody has to look
            _logger.error("facts.gap", group=group, sequence=received.envelope.sequence)

    return handle


def outcomes(metrics: Metrics) -> Counter:
    """`media_catalog_facts_total`; duplicates are normal after a restart, gaps never are."""
    return metrics.counter(
        "facts",
        "Facts read, by group and by what became of them: applied, duplicate, gap, ignored.",
        ("group", "outcome"),
    )
