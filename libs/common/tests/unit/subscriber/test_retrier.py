import asyncio

import pytest
from libs.common.tests.unit.subscriber.memory_ports import MemoryClaim, Scene, record

from common.errors import Conflict, Corrupt, NotYet, Unavailable
from common.events import decode
from common.events.record import SourceRecord
from common.events.topics import DETAILS
from common.subscriber import retrier
from common.subscriber.backoff import LATE, SOON, delay_after
from common.subscriber.retrier import ROWS, Retrier


class Desk(Scene):
    """A lane with records that wait."""

    async def park(self, *records: SourceRecord) -> None:
        for item in records:
            envelope = decode(item.key, item.headers, item.value).envelope
            await self.lane.park(item, envelope, reason="why", attempts=1)

    async def turn(self) -> bool:
        return await Retrier([self.lane])._turn(self.lane, asyncio.Event())


async def test_a_key_is_drained_in_order_and_its_rows_go() -> None:
    desk = Desk()
    await desk.park(record("a", 3), record("a", 1), record("a", 2))
    assert await desk.turn()
    assert desk.handled == [("a", 1), ("a", 2), ("a", 3)]
    assert not await desk.turn()


async def test_a_key_that_fails_waits_and_the_others_go_on() -> None:
    desk = Desk()
    desk.errors["a", 1] = [NotYet(code="asset_unknown")]
    await desk.park(record("a", 1), record("a", 2), record("b", 1))
    await desk.turn()
    assert desk.handled == [("b", 1)]
    assert desk.parking.sequences("a") == [1, 2]
    (row, _) = desk.parking.keys["a"]
    assert (row.attempts, row.reason) == (2, "asset_unknown")
    desk.errors.clear()
    await desk.turn()
    assert desk.handled == [("b", 1), ("a", 1), ("a", 2)]


async def test_what_turns_out_to_be_permanent_is_a_dead_letter_and_lets_the_rest_go_on() -> None:
    desk = Desk()
    desk.errors["a", 1] = [Corrupt(code="impossible")]
    await desk.park(record("a", 1), record("a", 2))
    await desk.turn()
    assert desk.letters.kept == [("impossible", 2)]
    assert desk.handled == [("a", 2)]


async def test_a_row_stays_until_its_dead_letter_is_written() -> None:
    desk = Desk()
    desk.errors["a", 1] = [Corrupt(code="impossible")]
    desk.letters.away = 1
    await desk.park(record("a", 1))
    await desk.turn()
    assert desk.parking.sequences("a") == [1]
    await desk.turn()
    assert (desk.parking.sequences("a"), len(desk.letters.kept)) == ([], 1)


async def test_a_record_that_holds_names_stays_where_it_is() -> None:
    desk = Desk(DETAILS)
    desk.errors["a", 1] = [Corrupt(code="impossible")]
    await desk.park(record("a", 1))
    await desk.turn()
    assert desk.parking.sequences("a") == [1]
    assert desk.letters.kept == []


async def test_a_record_made_unreadable_by_an_edit_is_a_dead_letter() -> None:
    desk = Desk()
    item = record("a", 1)
    await desk.park(item)
    broken = SourceRecord(item.topic, 0, 0, 0, item.key, item.headers, b"{")
    desk.parking.keys["a"][0].record = broken
    await desk.turn()
    assert desk.letters.kept == [("bad_payload", 2)]


async def test_a_surprise_keeps_its_row() -> None:
    desk = Desk()
    desk.errors["a", 1] = [ZeroDivisionError()]
    await desk.park(record("a", 1), record("b", 1))
    await desk.turn()
    assert desk.parking.sequences("a") == [1]
    assert desk.parking.keys["a"][0].reason == "unexpected"
    assert desk.handled == [("b", 1)]


async def test_one_key_that_a_part_does_not_answer_for_keeps_no_other_from_its_turn() -> None:
    desk = Desk()
    desk.errors["a", 1] = [Unavailable()]
    await desk.park(record("a", 1), record("b", 1))
    await desk.turn()
    assert desk.handled == [("b", 1)]


async def test_a_crash_between_effect_and_deletion_repeats_the_effect_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    await desk.park(record("a", 1), record("a", 2))

    async def torn(_: MemoryClaim) -> None:
        raise Unavailable("the connection ended")

    with monkeypatch.context() as patched:
        patched.setattr(MemoryClaim, "done", torn)
        with pytest.raises(Unavailable):
            await desk.turn()
    await desk.turn()
    assert desk.handled == [("a", 1), ("a", 1), ("a", 2)]


async def test_a_paused_group_is_left_alone_and_still_counted() -> None:
    desk = Desk()
    await desk.park(record("a", 1))
    await desk.lane.gate.shut("failures")
    assert not await desk.turn()
    assert (desk.handled, desk.lane.waiting) == ([], 1)


async def test_a_group_that_stands_because_a_key_is_full_is_made_room_for() -> None:
    desk = Desk()
    await desk.park(record("a", 1), record("a", 2))
    await desk.lane.gate.shut("parked_key_full")
    assert await desk.turn()
    assert desk.handled == [("a", 1), ("a", 2)]
    assert desk.lane.gate.reason == "parked_key_full"


async def test_a_long_key_leaves_the_others_their_turn() -> None:
    desk = Desk()
    for key in ("a", "b"):
        await desk.park(record(key, 1))
    long = desk.parking.keys["a"]
    long += [long[0]] * ROWS
    await desk.turn()
    assert desk.handled.count(("a", 1)) == ROWS
    assert ("b", 1) in desk.handled


async def test_the_loop_outlives_a_database_that_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retrier, "AFTER_OUTAGE", 0.0)
    desk, stop = Desk(), asyncio.Event()
    await desk.park(record("a", 1))
    desk.parking.away = 3
    async with asyncio.timeout(10):
        running = asyncio.ensure_future(Retrier([desk.lane]).loop(stop))
        while not desk.handled:  # noqa: ASYNC110 (each round lets the loop on)
            await asyncio.sleep(0)
        stop.set()
        await running


def test_a_key_waits_twice_as_long_each_time_up_to_a_cap() -> None:
    def seconds(error: Exception, attempts: int) -> float:
        return delay_after(error, attempts).total_seconds()

    assert 0.25 <= seconds(NotYet(), 1) <= 0.5
    assert 1 <= seconds(NotYet(), 3) <= 2
    assert SOON / 2 <= seconds(NotYet(), 99) <= SOON
    assert LATE / 2 <= seconds(Conflict(), 99) <= LATE
