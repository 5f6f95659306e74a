"""Names and tags -> metadata; tombstones take them back."""

from catalog.consumers.dispatch import Handle, outcomes
from catalog.domain.details import details_of
from catalog.usecases.keep_names import KeepNames
from common.events import Received
from common.telemetry.metrics import Metrics


def details_handler(group: str, keep: KeepNames, metrics: Metrics) -> Handle:
    """A handler of the details topic, whose records are states and not facts."""
    counter = outcomes(metrics)

    async def handle(received: Received) -> None:
        outcome = await keep(details_of(received))
        counter.labels(group, outcome.value).inc()

    return handle
