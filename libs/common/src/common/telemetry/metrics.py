"""One registry per process and one way to name what is in it.

`media_<service>_<noun>_<unit>[_total]`; base units; labels from closed sets only, never an id, a
path or a token.
"""

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # seconds
LONG = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)  # seconds, of work in jobs


class Metrics:
    """Makes the metrics of one service. `noun` has its unit: `part_seconds`, `sent_bytes`.

    Asking twice for the same name gives the same metric, so that parts need not pass each other
    theirs.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry(auto_describe=False)
        self._prefix = f"media_{service.replace('-', '_')}"
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def counter(self, noun: str, doc: str, labels: Sequence[str] = ()) -> Counter:
        """Counts what happened; `_total` is added."""
        return self._counter(f"{self._prefix}_{noun}", doc, labels)

    def gauge(self, noun: str, doc: str, labels: Sequence[str] = ()) -> Gauge:
        """What is now."""
        return self._gauge(f"{self._prefix}_{noun}", doc, labels)

    def histogram(
        self,
        noun: str,
        doc: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float] = LATENCY,
    ) -> Histogram:
        """How values spread; the buckets are one of the sets of this module."""
        return self._histogram(f"{self._prefix}_{noun}", doc, labels, buckets)

    def shared_counter(self, noun: str, doc: str, labels: Sequence[str] = ()) -> Counter:
        """A counter every service has under the same name (`media_outbox_published_total`)."""
        return self._counter(f"media_{noun}", doc, labels)

    def shared_gauge(self, noun: str, doc: str, labels: Sequence[str] = ()) -> Gauge:
        """A gauge every service has under the same name (`media_outbox_pending_rows`)."""
        return self._gauge(f"media_{noun}", doc, labels)

    def shared_histogram(
        self,
        noun: str,
        doc: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float] = LATENCY,
    ) -> Histogram:
        """A histogram every service has under the same name (`media_http_request_seconds`)."""
        return self._histogram(f"media_{noun}", doc, labels, buckets)

    def exposition(self) -> bytes:
        """The registry in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, doc: str, labels: Sequence[str]) -> Counter:
        made = self._made.get(name)
        if not isinstance(made, Counter):
            made = self._made[name] = Counter(name, doc, labels, registry=self.registry)
        return made

    def _gauge(self, name: str, doc: str, labels: Sequence[str]) -> Gauge:
        made = self._made.get(name)
        if not isinstance(made, Gauge):
            made = self._made[name] = Gauge(name, doc, labels, registry=self.registry)
        return made

    def _histogram(
        self, name: str, doc: str, labels: Sequence[str], buckets: Sequence[float]
    ) -> Histogram:
        made = self._made.get(name)
        if not isinstance(made, Histogram):
            made = Histogram(name, doc, labels, buckets=tuple(buckets), registry=self.registry)
            self._made[name] = made
        return made
