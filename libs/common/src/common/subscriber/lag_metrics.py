"""Shows how far a service's groups are behind, also from a process that consumes nothing."""

import asyncio
from collections.abc import Mapping, Sequence

from prometheus_client import Gauge

from common.clock import Clock, SystemClock
from common.errors import Unavailable
from common.events.topics import CONSUMERS, Topic
from common.settings.groups import KafkaSettings
from common.subscriber.lag import LagReader, PartitionLag
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.telemetry.metrics import Metrics
from common.web.loops import Loop, wait_for

EVERY = 15.0  # seconds between two looks
LABELS = ("group", "topic", "partition")

_log = get_logger("common.subscriber")


def groups_of(service: str) -> dict[str, Topic]:
    """The consumer groups of a service."""
    return {name: topic for name, topic in CONSUMERS.items() if name.split(".", 1)[0] == service}


class LagGauges:
    """The two gauges; a group without offsets in Kafka sets them itself."""

    def __init__(self, metrics: Metrics) -> None:
        self._records = metrics.shared_gauge(
            "consumer_lag_records", "Records in Kafka that the group has not committed.", LABELS
        )
        self._seconds = metrics.shared_gauge(
            "consumer_lag_seconds",
            "How long the oldest record that the group has not committed has been in Kafka.",
            LABELS,
        )

    def of(self, group: str, topic: str, partition: int) -> tuple[Gauge, Gauge]:
        """Records and seconds of one partition."""
        labels = (group, topic, str(partition))
        return self._records.labels(*labels), self._seconds.labels(*labels)

    def show(self, lags: Sequence[PartitionLag], clock: Clock) -> None:
        """Set both for each partition."""
        now = clock.now()
        for lag in lags:
            records, seconds = self.of(lag.group, lag.topic, lag.partition)
            records.set(lag.records)
            seconds.set(lag.seconds(now))

    def forget(self) -> None:
        """Show nothing rather than what was true once."""
        self._records.clear()
        self._seconds.clear()


def export_lag(
    settings: KafkaSettings,
    service: str,
    metrics: Metrics,
    *,
    groups: Mapping[str, Topic] | None = None,
    clock: Clock | None = None,
    every: float = EVERY,
) -> Loop:
    """A loop that keeps `media_consumer_lag_records` and `media_consumer_lag_seconds` fresh.

    It has connections of its own and waits Kafka's absence out; what it showed is gone meanwhile.
    `groups` are those of the service.
    """
    chosen, now = groups_of(service) if groups is None else groups, clock or SystemClock()
    gauges = LagGauges(metrics)

    async def look_on(stop: asyncio.Event) -> None:
        async with LagReader(settings, f"{service}-lag") as reader:
            while not stop.is_set():
                gauges.show(await reader.measure(chosen), now)
                beat()
                await wait_for(stop, every)

    async def loop(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await look_on(stop)
            except Unavailable as error:
                gauges.forget()
                _log.warning("lag.unknown", service=service, code=error.code)
                beat()
                await wait_for(stop, every)

    return loop
