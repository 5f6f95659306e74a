import asyncio

import pytest
from libs.common.tests.unit.subscriber.memory_ports import FULL, Scene, record

from common.errors import Conflict, Corrupt, NotYet, Unavailable
from common.events.record import SourceRecord
from common.events.topics import DETAILS
from common.subscriber import lane as lanes
from common.subscriber import patience
from common.subscriber.gate import IN_A_ROW
from common.subscriber.intake import SURPRISES, Intake
from common.subscriber.patience import Interrupted, Patience
from common.testing.clock import ManualClock


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "RETRY_FIRST", 0.001)


class Desk(Scene):
    """A lane, and one poll after the other."""

    async def read(self, *records: SourceRecord) -> None:
        waiting = Patience(self.lane.gate, self.lane.metrics, self.lane.clock)
        intake = Intake(self.lane, waiting)
        waiting.begin()
        await intake.look({(item.key or b"").decode() for item in records})
        for item in records:
            waiting.check()
            await intake.take(item)


async def test_what_is_handled_in_time_goes_nowhere_else() -> None:
    desk = Desk()
    await desk.read(record("a", 1), record("b", 1), record("a", 2))
    assert desk.handled == [("a", 1), ("b", 1), ("a", 2)]
    assert (desk.parking.keys, desk.letters.kept) == ({}, [])


async def test_infrastructure_is_waited_for_in_place() -> None:
    desk = Desk()
    tries = 0

    async def handle(_: object) -> None:
        nonlocal tries
        tries += 1
        if tries < 7:
            raise Unavailable("no database")

    desk.lane._handle = handle
    await desk.read(record("a", 1))
    assert tries == 7
    assert (desk.parking.keys, desk.letters.kept) == ({}, [])


@pytest.mark.parametrize("error", [NotYet(code="sequence_gap"), NotYet(code="x"), Conflict()])
async def test_what_the_state_refuses_waits_with_its_key_and_stops_no_other(
    error: Exception,
) -> None:
    desk = Desk()
    desk.errors["a", 1] = [error]
    await desk.read(record("a", 1), record("b", 1), record("a", 2), record("b", 2))
    await desk.read(record("a", 3))
    assert desk.handled == [("b", 1), ("b", 2)]
    assert desk.tried.count(("a", 1)) == 1
    assert desk.parking.sequences("a") == [1, 2, 3]
    assert ("a", 2) not in desk.tried
    assert [row.reason for row in desk.parking.keys["a"]][1:] == ["behind", "behind"]


async def test_a_surprise_is_parked_after_its_tries() -> None:
    desk = Desk()
    desk.errors["a", 1] = [ZeroDivisionError()]
    await desk.read(record("a", 1), record("a", 2))
    assert desk.tried == [("a", 1)] * SURPRISES
    assert desk.parking.sequences("a") == [1, 2]
    assert desk.parking.keys["a"][0].reason == "unexpected"
    assert desk.parking.keys["a"][0].attempts == SURPRISES


async def test_what_can_never_succeed_is_a_dead_letter_and_its_key_goes_on() -> None:
    desk = Desk()
    desk.errors["a", 1] = [Corrupt(code="impossible")]
    await desk.read(record("a", 1), record("a", 2))
    assert desk.letters.kept == [("impossible", 1)]
    assert desk.handled == [("a", 2)]


async def test_a_fact_of_a_newer_version_waits_for_one() -> None:
    desk = Desk()
    await desk.read(record("a", 1, kind="reprise.new.thing.v9"), record("a", 2), record("b", 1))
    assert desk.handled == [("b", 1)]
    assert desk.parking.sequences("a") == [1, 2]
    assert desk.parking.keys["a"][0].reason == "unknown_type"


async def test_a_record_that_holds_names_is_parked_where_a_fact_would_be_a_dead_letter() -> None:
    desk = Desk(DETAILS)
    desk.errors["a", 1] = [Corrupt(code="impossible")]
    await desk.read(record("a", 1), record("b", 1, kind="reprise.new.thing.v9"))
    assert desk.parking.keys["a"][0].reason == "impossible"
    assert desk.letters.kept == []
    assert "b" not in desk.parking.keys  # its next state comes by itself


async def test_what_cannot_be_written_down_is_insisted_on() -> None:
    desk = Desk()
    desk.errors["a", 1] = [Conflict()]
    desk.errors["b", 1] = [Corrupt()]
    desk.parking.away, desk.letters.away = 3, 3
    await desk.read(record("a", 1), record("b", 1))
    assert desk.parking.sequences("a") == [1]
    assert len(desk.letters.kept) == 1
    assert desk.tried == [("a", 1), ("b", 1)]


async def test_failures_blow_the_fuse_and_the_rest_of_the_poll_is_left() -> None:
    desk = Desk()
    records = [record(str(n), 1) for n in range(IN_A_ROW + 3)]
    for item in records:
        desk.errors[(item.key or b"").decode(), 1] = [Conflict()]
    with pytest.raises(Interrupted):
        await desk.read(*records)
    assert desk.lane.gate.reason == "failures"
    assert len(desk.tried) == IN_A_ROW


async def test_records_behind_a_parked_one_do_not_count_as_failures() -> None:
    desk = Desk()
    desk.errors["a", 1] = [Conflict()]
    await desk.read(*(record("a", n) for n in range(1, FULL + 1)))
    assert len(desk.parking.keys["a"]) == FULL
    assert desk.lane.gate._in_a_row == 1


async def test_coming_before_another_topic_does_not_blow_the_fuse() -> None:
    desk = Desk()
    records = [record(str(n), 1) for n in range(IN_A_ROW * 3)]
    for item in records:
        desk.errors[(item.key or b"").decode(), 1] = [NotYet(code="asset_unknown")]
    await desk.read(*records)
    assert desk.lane.gate.reason is None
    assert len(desk.parking.keys) == IN_A_ROW * 3


async def test_when_very_many_keys_wait_for_another_topic_the_next_waits_in_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "MOST_KEYS", 2)
    desk = Desk()
    desk.lane.waiting = 2
    desk.errors["a", 1] = [NotYet(code="asset_unknown")]
    reading = asyncio.ensure_future(desk.read(record("a", 1)))
    while len(desk.tried) < 4:  # noqa: ASYNC110 (each round lets the reader on)
        await asyncio.sleep(0)
    desk.errors.clear()
    await reading
    assert desk.handled == [("a", 1)]
    assert desk.parking.keys == {}


async def test_a_full_key_stops_the_group_and_its_record_is_not_done() -> None:
    desk = Desk()
    desk.errors["a", 1] = [Conflict()]
    with pytest.raises(Interrupted):
        await desk.read(*(record("a", n) for n in range(1, FULL + 2)))
    assert desk.lane.gate.reason == "parked_key_full"
    assert desk.parking.sequences("a") == list(range(1, FULL + 1))


async def test_a_poll_ends_before_the_group_would_miss_its_member() -> None:
    desk = Desk()
    desk.errors["a", 1] = [Unavailable()]
    clock = desk.lane.clock
    assert isinstance(clock, ManualClock)

    async def handle(_: object) -> None:
        clock.advance(seconds=20)
        raise Unavailable("no database")

    desk.lane._handle = handle
    with pytest.raises(Interrupted):
        await desk.read(record("a", 1))
