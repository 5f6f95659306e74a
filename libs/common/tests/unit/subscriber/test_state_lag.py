from datetime import UTC, datetime, timedelta

from common.events.topics import CATALOG_STATE
from common.subscriber.state import RawRecord, StateBatch
from common.subscriber.state_lag import StateLag
from common.telemetry.metrics import Metrics
from common.testing.clock import ManualClock

START = datetime(2026, 3, 1, tzinfo=UTC)


class Scene:
    def __init__(self) -> None:
        self.clock, self.metrics = ManualClock(START), Metrics("delivery")
        self.lag = StateLag(self.metrics, "delivery.catalog-state", CATALOG_STATE, self.clock)

    def poll(self, next_offset: int, end: int, *, age: float | None = None) -> None:
        at = int((START.timestamp() - (age or 0)) * 1000)
        records = [] if age is None else [RawRecord(next_offset - 1, b"k", (), b"{}", at)]
        self.lag.read(StateBatch(records, next_offset, end))

    def shown(self) -> tuple[float | None, float | None]:
        labels = {
            "group": "delivery.catalog-state",
            "topic": CATALOG_STATE.name,
            "partition": "0",
        }
        get = self.metrics.registry.get_sample_value
        return (
            get("media_consumer_lag_records", labels),
            get("media_consumer_lag_seconds", labels),
        )


def test_a_reader_that_is_current_is_behind_by_nothing() -> None:
    scene = Scene()
    assert scene.shown() == (0, 0)
    scene.poll(10, 10, age=500)
    assert scene.shown() == (0, 0)


def test_behind_it_is_as_old_as_what_it_read_last() -> None:
    scene = Scene()
    scene.poll(10, 25, age=60)
    assert scene.shown() == (15, 60)
    scene.clock.advance(5)
    scene.poll(10, 25)
    assert scene.shown() == (15, 65)
    scene.poll(25, 25)
    assert scene.shown() == (0, 0)


def test_a_reader_that_says_nothing_any_more_falls_behind() -> None:
    scene = Scene()
    scene.poll(10, 10)
    scene.clock.advance(9)
    assert scene.shown() == (0, 0)
    scene.clock.advance(timedelta(minutes=2).total_seconds())
    assert scene.shown() == (0, 129)
