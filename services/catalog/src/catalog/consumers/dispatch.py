"""Facts to use cases: one table per topic, and what became of each fact is counted."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from prometheus_client import Counter

from catalog.domain.applied import Outcome
from common.errors import NotYet
from common.events import Fact, Received
from common.events.envelope import Envelope
from common.telemetry.duplicates import absorbed
from common.telemetry.metrics import Metrics

Handlers = Mapping[type[Fact], Callable[[Any, Envelope], Awaitable[Outcome]]]
Handle = Callable[[Received], Awaitable[None]]


def dispatch(group: str, handlers: Handlers, metrics: Metrics) -> Handle:
    """A handler for one consumer group. Facts without an entry in the table mean nothing here."""
    counter = outcomes(metrics)

    async def handle(received: Received) -> None:
        use_case = handlers.get(type(received.event)) if received.event else None  # type: ignore[arg-type]
        if use_case is None:
            counter.labels(group, "ignored").inc()
            return
        try:
            outcome = await use_case(received.event, received.envelope)
        except NotYet:
            counter.labels(group, "waiting").inc()
            raise
        counter.labels(group, outcome.value).inc()
        if outcome is Outcome.DUPLICATE:
            absorbed()

    return handle


def outcomes(metrics: Metrics) -> Counter:
    """`media_catalog_facts_total`; duplicates are normal after a restart.

    A fact that waits is counted at each try.
    """
    return metrics.counter(
        "facts",
        "Facts read, by group and by what became of them: applied, duplicate, waiting, ignored.",
        ("group", "outcome"),
    )
