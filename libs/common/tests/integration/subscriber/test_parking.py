from collections.abc import AsyncIterator, Sequence

import pytest
from libs.common.tests.integration.records import fact
from libs.common.tests.integration.subscriber.parking_scene import Scene

from common import failpoints
from common.errors import Conflict, NotYet
from common.events import Received
from common.ids import new_asset_id
from common.postgres.schema import CONSUMERS_V1, INBOX_V1
from common.settings.groups import KafkaSettings
from common.subscriber.gate import IN_A_ROW
from common.testing.kafka import read_all
from common.testing.postgres import scratch
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def scene(kafka: KafkaSettings, admin_url: str) -> AsyncIterator[Scene]:
    async with scratch(admin_url, ddl=[*CONSUMERS_V1, *INBOX_V1]) as schema:
        yield await Scene.on(kafka, schema)


async def test_poison_of_every_kind_stops_no_other_key(scene: Scene) -> None:
    """Bad headers, bad JSON, a key whose handler always fails: F17."""
    good, failing = [new_asset_id() for _ in range(5)], new_asset_id()
    scene.errors[str(failing), 1] = ZeroDivisionError("always")
    await scene.send_raw(b"not ours", [("ce_id", b"\xff\xfe"), ("n", None)], str(good[0]).encode())
    await scene.send_raw(b"{", fact(good[1], 9, scene.topic).headers(), str(good[1]).encode())
    await scene.send((failing, 1), (failing, 2))
    await scene.send(*((asset, n) for n in (1, 2, 3) for asset in good))

    async with scene.running():
        await eventually(lambda: len(scene.effects) == 15, timeout=30)
        dead = await read_all(scene.kafka, scene.dead_topic, until=lambda found: len(found) == 2)
        await eventually(lambda: scene.has_parked(1), timeout=30)
        await eventually(lambda: scene.calls.count((str(failing), 1)) > 5)  # the retrier tries on

    assert all(scene.of(asset) == [1, 2, 3] for asset in good)
    reasons = sorted(dict(record.headers)["dlq_reason"] for record in dead)
    assert reasons == [b"bad_envelope", b"bad_payload"]
    assert scene.of(failing) == []


async def test_a_key_that_recovers_is_drained_in_order_and_then_read_on(scene: Scene) -> None:
    late, other = new_asset_id(), new_asset_id()
    scene.errors[str(late), 1] = NotYet(code="asset_unknown")
    await scene.send((late, 1), (late, 2), (other, 1), (late, 3))
    async with scene.running():
        await eventually(lambda: scene.of(other) == [1])
        await eventually(lambda: scene.calls.count((str(late), 1)) >= 2)
        assert scene.of(late) == []
        scene.errors.clear()
        await eventually(lambda: scene.of(late) == [1, 2, 3])
        await eventually(lambda: scene.has_parked(0))
        await scene.send((late, 4))
        await eventually(lambda: scene.of(late) == [1, 2, 3, 4])


async def test_records_stay_parked_over_a_restart(scene: Scene) -> None:
    late = new_asset_id()
    scene.errors[str(late), 1] = Conflict()
    await scene.send((late, 1))
    async with scene.running():
        await eventually(lambda: scene.has_parked(1))
    await scene.send((late, 2))
    async with scene.running():
        await eventually(lambda: scene.has_committed(2))
    assert scene.effects == []
    scene.errors.clear()
    async with scene.running():
        await eventually(lambda: scene.of(late) == [1, 2])


async def test_a_crash_between_the_park_and_the_commit_parks_once(scene: Scene) -> None:
    late = new_asset_id()
    scene.errors[str(late), 1] = Conflict()
    await scene.send((late, 1))
    failpoints.activate("consumer.after_park=raise")
    try:
        async with scene.running():
            await eventually(lambda: scene.has_parked(1))
            assert await scene.committed() == 0
    finally:
        failpoints.clear()
    assert await scene.committed() == 0

    async with scene.running():
        await eventually(lambda: scene.has_committed(1))
        scene.errors.clear()
        await eventually(lambda: scene.of(late) == [1])
        await eventually(lambda: scene.has_parked(0))


async def test_a_crash_between_the_drained_effect_and_its_row_has_one_effect(scene: Scene) -> None:
    late = new_asset_id()
    scene.errors[str(late), 1] = Conflict()
    await scene.send((late, 1), (late, 2))
    failpoints.activate("consumer.after_drain=raise")
    try:
        async with scene.running():
            await eventually(lambda: scene.has_committed(2))
            scene.errors.clear()
            await eventually(lambda: scene.of(late) == [1])
            assert await scene.parking.count() == 1
    finally:
        failpoints.clear()
    async with scene.running():
        await eventually(lambda: scene.of(late) == [1, 2])
        await eventually(lambda: scene.has_parked(0))
    assert scene.calls.count((str(late), 1)) > 2


async def test_a_group_that_fails_as_a_rule_stops_stays_in_its_group_and_goes_on_by_its_row(
    scene: Scene,
) -> None:
    assets = [new_asset_id() for _ in range(IN_A_ROW + 20)]
    for asset in assets:
        scene.errors[str(asset), 1] = Conflict()
    await scene.send(*((asset, 1) for asset in assets))
    async with scene.running() as process:
        await eventually(scene.is_paused)
        assert process.lane.gate.reason == "failures"
        await eventually(lambda: scene.has_committed(IN_A_ROW))
        await scene.send((new_asset_id(), 1))
        assert await scene.has_members(1)

    # another process finds it paused: nothing is handled, nothing is committed
    calls = list(scene.calls)
    async with scene.running() as process:
        await eventually(lambda: process.lane.gate.reason == "failures")
        await eventually(lambda: scene.has_members(1))
        assert scene.calls == calls
        assert await scene.committed() == IN_A_ROW

        scene.errors.clear()
        assert await scene.fuse.resume(scene.group)
        await eventually(lambda: len(scene.effects) == len(assets) + 1, timeout=30)
    assert sorted(scene.effects) == sorted(set(scene.effects))
    assert {key for key, _ in scene.effects} >= {str(asset) for asset in assets}


async def test_the_rest_of_a_poll_that_a_pause_cut_short_is_read_when_it_ends(
    scene: Scene,
) -> None:
    failing, good = [new_asset_id() for _ in range(IN_A_ROW)], new_asset_id()
    for asset in failing:
        scene.errors[str(asset), 1] = Conflict()
    facts = [*((asset, 1) for asset in failing), *((good, n) for n in range(1, 6))]
    await scene.send(*facts, partition=0)
    async with scene.running():
        await eventually(scene.is_paused)
        assert scene.of(good) == []
        scene.errors.clear()
        await scene.fuse.resume(scene.group)
        await eventually(lambda: scene.of(good) == [1, 2, 3, 4, 5])
        await eventually(lambda: len(scene.effects) == IN_A_ROW + 5)


async def test_an_operator_stops_a_group_while_it_reads(scene: Scene) -> None:
    asset = new_asset_id()
    await scene.send((asset, 1))
    async with scene.running() as process:
        await eventually(lambda: scene.of(asset) == [1])
        await scene.fuse.pause(scene.group, "looking into it")
        await eventually(lambda: process.lane.gate.reason is not None)
        await scene.send((asset, 2))
        await scene.fuse.resume(scene.group)
        await eventually(lambda: scene.of(asset) == [1, 2])


async def test_two_processes_drain_and_park_one_key_without_losing_its_order(
    scene: Scene,
) -> None:
    """The retriers of both may drain the key while the consumer of one parks behind it."""
    assets, rounds = [new_asset_id() for _ in range(4)], 20
    seen, busy = dict[str, int](), set[str]()
    wrong: list[tuple[str, int]] = []
    plain, scene.seconds = scene.handle, 0.02

    async def stumbling(received: Received) -> None:
        key, sequence = place = received.key, received.envelope.sequence
        if sequence % 5 == 1 and scene.calls.count(place) < 2:
            scene.calls.append(place)
            raise Conflict("stumbles twice")
        if sequence > seen.get(key, 0) + 1 or key in busy:
            wrong.append(place)
        busy.add(key)
        await plain(received)
        busy.discard(key)
        seen[key] = max(seen.get(key, 0), sequence)

    scene.handle = stumbling  # type: ignore[method-assign]
    async with scene.running(), scene.running():
        await eventually(lambda: scene.has_members(2), timeout=30)
        for n in range(1, rounds + 1):
            await scene.send(*((asset, n) for asset in assets))
        await eventually(lambda: len(scene.effects) >= len(assets) * rounds, timeout=60)
        await eventually(lambda: scene.has_parked(0))

    assert wrong == []
    assert all(scene.of(asset) == list(range(1, rounds + 1)) for asset in assets)


async def test_what_is_in_flight_when_one_of_two_consumers_stops_has_one_effect_each(
    scene: Scene,
) -> None:
    scene.seconds = 0.05
    assets = [new_asset_id() for _ in range(24)]
    async with scene.running() as first, scene.running():
        await eventually(lambda: scene.has_members(2), timeout=30)
        await scene.send(*((asset, n) for n in range(1, 9) for asset in assets))
        await eventually(lambda: len(scene.effects) >= 30, timeout=30)
        await first.end()
        at_stop = len(scene.effects)
        await eventually(lambda: len(scene.effects) >= len(assets) * 8, timeout=60)

    assert at_stop < len(assets) * 8
    assert all(scene.of(asset) == list(range(1, 9)) for asset in assets)


async def test_a_poll_taken_together_and_one_that_is_split_lose_and_double_nothing(
    scene: Scene,
) -> None:
    assets, sizes = [new_asset_id() for _ in range(20)], list[int]()
    bad = str(assets[7])

    async def handle_many(batch: Sequence[Received]) -> None:
        if any((item.key, item.envelope.sequence) == (bad, 2) for item in batch):
            raise Conflict("one of them is not to be had")
        for item in batch:
            await plain(item)
        sizes.append(len(batch))

    plain, scene.handle_many = scene.handle, handle_many
    scene.errors[bad, 2] = Conflict()
    await scene.send(*((asset, 1) for asset in assets))
    async with scene.running():
        await eventually(lambda: len(scene.effects) == 20)
        await scene.send_raw(b"{", fact(assets[0], 9, scene.topic).headers(), b"x")
        await scene.send(*((asset, n) for n in (2, 3) for asset in assets))
        await eventually(lambda: len(scene.effects) == 58, timeout=30)
        scene.errors.clear()
        await eventually(lambda: len(scene.effects) == 60)
        await read_all(scene.kafka, scene.dead_topic, until=lambda found: len(found) == 1)

    assert max(sizes) > 1
    assert all(scene.of(asset) == [1, 2, 3] for asset in assets)
