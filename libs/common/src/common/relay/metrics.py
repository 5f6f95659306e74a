"""What operators see of a relay; names of events.md 5.2."""

from datetime import datetime

from prometheus_client import Gauge

from common.clock import Clock, SystemClock
from common.telemetry.metrics import Metrics


class RelayMetrics:
    """The gauges and counters of one relay."""

    def __init__(self, metrics: Metrics) -> None:
        self.pending = metrics.shared_gauge(
            "outbox_pending_rows", "Rows not yet in Kafka (counted to 100,000)."
        )
        self.oldest = metrics.shared_gauge(
            "outbox_oldest_age_seconds", "Age of the oldest row not yet in Kafka."
        )
        self.published = metrics.shared_counter("outbox_published", "Rows published.")
        self.leader = metrics.shared_gauge(
            "relay_leader", "1 while this process is the relay's leader."
        )
        self.fenced = metrics.shared_counter(
            "relay_fenced", "Times the broker fenced our producer."
        )
        self.topics_missing = metrics.shared_gauge(
            "relay_topics_missing", "Topics of this service the broker lacks; the relay waits."
        )
        self.watermark = WatermarkAge(
            metrics.shared_gauge(
                "watermark_age_seconds", "Age of the last watermark this process published."
            )
        )


class WatermarkAge:
    """Computed when it is scraped, so that it grows while nothing is published."""

    def __init__(self, gauge: Gauge, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._last: datetime | None = None
        gauge.set_function(self._age)

    def told(self, at: datetime) -> None:
        """A watermark with this time is in Kafka."""
        self._last = at

    def _age(self) -> float:
        return 0.0 if self._last is None else (self._clock.now() - self._last).total_seconds()
