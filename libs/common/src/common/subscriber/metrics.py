"""What operators see of a consumer; names of events.md 5.2."""

from common.telemetry.metrics import Metrics

_GROUP = ("group",)


class SubscriberMetrics:
    """Counters and gauges of one consumer group."""

    def __init__(self, metrics: Metrics, group: str) -> None:
        self.handled = metrics.shared_counter(
            "consumer_handled", "Records whose effect is committed.", _GROUP
        ).labels(group)
        self.retries = metrics.shared_counter(
            "consumer_retries", "Times a record was tried again in place.", _GROUP
        ).labels(group)
        self.age = metrics.shared_gauge(
            "consumer_event_age_seconds",
            "Age of the last event handled, when it was handled.",
            _GROUP,
        ).labels(group)
        self.unknown = metrics.shared_counter(
            "consumer_unknown", "Records of a type this version does not know.", _GROUP
        ).labels(group)
        self.duplicates = metrics.shared_counter(
            "inbox_duplicates", "Events delivered again and absorbed.", _GROUP
        ).labels(group)
        self.parked_keys = metrics.shared_gauge(
            "parked_keys", "Keys whose records wait in rows.", _GROUP
        ).labels(group)
        self.paused = metrics.shared_gauge(
            "consumer_paused", "1 while the fuse of the group is blown or an operator stopped it.",
            _GROUP,
        ).labels(group)  # fmt: skip
        self.running = metrics.shared_gauge(
            "consumer_running",
            "1 while this process is in the group; 0 while it waits for Kafka or for a topic.",
            _GROUP,
        ).labels(group)
        self._parked = metrics.shared_counter(
            "consumer_parked", "Records put into rows, by reason.", ("group", "reason")
        )
        self._dead = metrics.shared_counter(
            "dlq_records", "Records given up, by reason.", ("group", "reason")
        )
        self._group = group

    def dead(self, reason: str) -> None:
        """A record was given up. `reason` is a stable code."""
        self._dead.labels(self._group, reason).inc()

    def parked(self, reason: str) -> None:
        """A record waits in a row. `reason` is a stable code."""
        self._parked.labels(self._group, reason).inc()
