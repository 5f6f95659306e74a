"""How far a reader is behind that keeps its place in a file of its own, where nobody else looks."""

from datetime import UTC, datetime, timedelta

from common.clock import Clock
from common.events.topics import Topic
from common.subscriber.lag_metrics import LagGauges
from common.subscriber.state import StateBatch
from common.telemetry.metrics import Metrics

SILENT = timedelta(seconds=10)  # a reader polls twice a second; one that does not knows nothing


class StateLag:
    """The two lag gauges of one reader, under the name of a group that Kafka does not know.

    Seconds are computed when they are scraped, so that they grow while the reader stands still:
    behind, it is the age of the last record read, which the next one came after; caught up it is 0
    until the reader has been silent for longer than it may.
    """

    def __init__(self, metrics: Metrics, group: str, topic: Topic, clock: Clock) -> None:
        self._clock = clock
        self._records, seconds = LagGauges(metrics).of(group, topic.name, 0)
        self._behind_since: datetime | None = None
        self._polled_at: datetime | None = None
        seconds.set_function(self._seconds)

    def read(self, batch: StateBatch) -> None:
        """A poll is done and applied."""
        self._polled_at = self._clock.now()
        self._records.set(max(0, batch.end_offset - batch.next_offset))
        if batch.caught_up:
            self._behind_since = None
        elif batch.records:
            self._behind_since = datetime.fromtimestamp(batch.records[-1].timestamp / 1000, UTC)
        elif self._behind_since is None:
            self._behind_since = self._polled_at

    def _seconds(self) -> float:
        now = self._clock.now()
        if self._behind_since is not None:
            return max(0.0, (now - self._behind_since).total_seconds())
        quiet = now - self._polled_at if self._polled_at else timedelta()
        return quiet.total_seconds() if quiet > SILENT else 0.0
