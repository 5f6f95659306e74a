import pytest
from libs.common.tests.unit.subscriber.memory_ports import MemoryFuse

from common.errors import Unavailable
from common.subscriber.gate import IN_A_ROW, IN_WINDOW, WINDOW, Gate
from common.subscriber.metrics import SubscriberMetrics
from common.telemetry.metrics import Metrics


class Scene:
    def __init__(self) -> None:
        self.metrics, self.fuse = Metrics("catalog"), MemoryFuse()
        self.gate = self.another()

    def another(self) -> Gate:
        """The same group in another process."""
        return Gate("g", self.fuse, SubscriberMetrics(self.metrics, "g"))

    def gauge(self) -> float | None:
        return self.metrics.registry.get_sample_value("media_consumer_paused", {"group": "g"})


async def test_ten_failures_in_a_row_stop_the_group_and_one_success_between_them_does_not() -> None:
    scene = Scene()
    for _ in range(IN_A_ROW - 1):
        await scene.gate.failed()
    scene.gate.succeeded()
    for _ in range(IN_A_ROW - 1):
        await scene.gate.failed()
    assert scene.fuse.rows == {}
    await scene.gate.failed()
    assert scene.fuse.rows == {"g": "failures"}
    assert scene.gauge() == 1
    with pytest.raises(Unavailable):
        await scene.gate.check()


async def test_half_of_the_last_hundred_stop_the_group() -> None:
    scene = Scene()
    for _ in range(IN_WINDOW - 1):
        scene.gate.succeeded()
        await scene.gate.failed()
    assert scene.fuse.rows == {}
    await scene.gate.failed()
    assert scene.fuse.rows == {"g": "failures"}


async def test_failures_long_ago_are_forgotten() -> None:
    scene = Scene()
    for _ in range(IN_WINDOW - 1):
        scene.gate.succeeded()
        await scene.gate.failed()
    for _ in range(WINDOW):
        scene.gate.succeeded()
    await scene.gate.failed()
    assert scene.gate.reason is None


async def test_a_pause_is_seen_by_every_process_and_after_a_restart() -> None:
    scene, other = Scene(), None
    await scene.gate.shut("failures")
    other = scene.another()
    await other.look()
    assert other.reason == "failures"
    with pytest.raises(Unavailable) as red:
        await other.check()
    assert red.value.code == "consumer_paused"


async def test_a_resumed_group_begins_to_count_anew() -> None:
    scene = Scene()
    for _ in range(IN_A_ROW):
        await scene.gate.failed()
    await scene.fuse.resume("g")
    await scene.gate.look()
    assert (scene.gate.reason, scene.gauge()) == (None, 0)
    await scene.gate.check()
    for _ in range(IN_A_ROW - 1):
        await scene.gate.failed()
    assert scene.gate.reason is None


async def test_a_fuse_that_blows_without_a_database_is_told_when_there_is_one_again() -> None:
    scene = Scene()
    scene.fuse.away = True
    await scene.gate.shut("failures")
    assert scene.gate.reason == "failures"
    with pytest.raises(Unavailable):
        await scene.gate.look()
    assert scene.gate.reason == "failures"
    scene.fuse.away = False
    await scene.gate.look()
    assert (scene.gate.reason, scene.fuse.rows) == ("failures", {"g": "failures"})


async def test_what_an_operator_said_is_the_reason_others_see() -> None:
    scene = Scene()
    scene.fuse.rows["g"] = "looking into it"
    await scene.gate.look()
    await scene.gate.shut("failures")
    assert scene.fuse.rows == {"g": "looking into it"}
    await scene.gate.look()
    assert scene.gate.reason == "looking into it"
