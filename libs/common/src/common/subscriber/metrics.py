"""What operators see of a consumer; names of events.md 5.2."""

from common.telemetry.metrics import Metrics


class SubscriberMetrics:
    """Counters of one consumer group."""

    def __init__(self, metrics: Metrics, group: str) -> None:
        self.handled = metrics.shared_counter(
            "consumer_handled", "Records whose effect is committed.", ("group",)
        ).labels(group)
        self.retries = metrics.shared_counter(
            "consumer_retries", "Times a record was tried again in place.", ("group",)
        ).labels(group)
        self.lag = metrics.shared_gauge(
            "consumer_lag_seconds",
            "Age of the last record handled, when it was handled.",
            ("group",),
        ).labels(group)
        self.unknown = metrics.shared_counter(
            "consumer_unknown", "Records of a type this version does not know.", ("group",)
        ).labels(group)
        self._dead = metrics.shared_counter(
            "dlq_records", "Records given up, by reason.", ("group", "reason")
        )
        self._group = group

    def dead(self, reason: str) -> None:
        """A record was given up. `reason` is a stable code."""
        self._dead.labels(self._group, reason).inc()
