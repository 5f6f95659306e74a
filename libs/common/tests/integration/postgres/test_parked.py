from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from libs.common.tests.integration.records import fact
from sqlalchemy import text

from common.clock import SystemClock
from common.errors import TooLarge
from common.events import Message
from common.events.record import SourceRecord
from common.ids import new_asset_id
from common.postgres import parked
from common.postgres.engine import Database
from common.postgres.fuse import PostgresFuse
from common.postgres.parked import PostgresParking
from common.postgres.schema import CONSUMERS_V1
from common.testing.postgres import scratch_schema

pytestmark = pytest.mark.integration

NOW, LATER = timedelta(), timedelta(hours=1)


@pytest.fixture
async def database(admin_url: str) -> AsyncIterator[Database]:
    async with scratch_schema(admin_url, ddl=CONSUMERS_V1) as made:
        yield made


@pytest.fixture
def lot(database: Database) -> PostgresParking:
    return PostgresParking(database, "catalog.uploads")


def source(message: Message, offset: int = 0) -> SourceRecord:
    return SourceRecord(
        message.topic, 3, offset, 1_700_000_000_000, message.key.encode(),
        (*message.headers(), ("odd", b"\xff\x00"), ("none", None)), message.payload,
    )  # fmt: skip


async def park(
    lot: PostgresParking, message: Message, delay: timedelta = NOW, reason: str = "why"
) -> SourceRecord:
    record = source(message)
    await lot.park(record, message.envelope, reason=reason, detail="", attempts=1, delay=delay)
    return record


async def drained(lot: PostgresParking, key: UUID) -> list[int]:
    """Sequences of a key in the order they come out."""
    found: list[int] = []
    while True:
        async with lot.claim(str(key)) as claim:
            if claim is None:
                return found
            found.append(int(dict(claim.record.headers)["ce_sequence"] or b"0"))
            await claim.done()


async def test_a_record_comes_out_byte_for_byte(lot: PostgresParking) -> None:
    record = await park(lot, fact(new_asset_id(), 1))
    async with lot.claim((record.key or b"").decode()) as claim:
        assert claim is not None
        assert (claim.record, claim.attempts) == (record, 1)


async def test_a_record_without_value_or_valid_text_can_wait_too(lot: PostgresParking) -> None:
    message = fact(new_asset_id(), 10**30)
    record = SourceRecord("t", 0, 0, 0, b"\x00\xff", (("n", b"\x00"),), None)
    await lot.park(record, message.envelope, reason="r", detail="a\x00b", attempts=1, delay=NOW)
    (key,) = await lot.due(5)
    async with lot.claim(key) as claim:
        assert claim is not None
        assert claim.record == record
    assert await lot.parked(["\x00\ufffd"]) == {"\x00\ufffd"}


async def test_parking_an_event_again_parks_it_once(lot: PostgresParking) -> None:
    message = fact(new_asset_id(), 1)
    await park(lot, message)
    await park(lot, message)
    assert len(await drained(lot, UUID(message.key))) == 1


async def test_a_key_comes_out_in_the_order_of_its_sequence(lot: PostgresParking) -> None:
    asset = new_asset_id()
    for sequence in (3, 1, 2):
        await park(lot, fact(asset, sequence))
    assert await drained(lot, asset) == [1, 2, 3]


async def test_a_record_behind_another_is_not_due_before_it(lot: PostgresParking) -> None:
    asset = new_asset_id()
    await park(lot, fact(asset, 2), LATER)
    await park(lot, fact(asset, 3))
    assert await lot.due(5) == []
    await park(lot, fact(asset, 1))  # the one that the others waited for
    assert await lot.due(5) == [str(asset)]


async def test_when_one_row_is_done_the_next_is_due_at_once(lot: PostgresParking) -> None:
    asset = new_asset_id()
    for sequence in (1, 2):
        await park(lot, fact(asset, sequence), LATER)
    async with lot.claim(str(asset)) as claim:
        assert claim is not None
        await claim.done()
    assert await lot.due(5) == [str(asset)]


async def test_a_try_in_vain_makes_the_whole_key_wait_and_no_other(lot: PostgresParking) -> None:
    asset, other = new_asset_id(), new_asset_id()
    for sequence in (1, 2):
        await park(lot, fact(asset, sequence))
    await park(lot, fact(other, 1))
    async with lot.claim(str(asset)) as claim:
        assert claim is not None
        await claim.wait(LATER, reason="again", detail="still not")
    assert await lot.due(5) == [str(other)]
    async with lot.claim(str(asset)) as claim:
        assert claim is not None
        assert claim.attempts == 2


async def test_a_claim_that_breaks_changes_nothing(lot: PostgresParking) -> None:
    asset = new_asset_id()
    await park(lot, fact(asset, 1))

    async def breaking() -> None:
        async with lot.claim(str(asset)) as claim:
            assert claim is not None
            await claim.done()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await breaking()
    assert await drained(lot, asset) == [1]


async def test_a_key_is_drained_by_one_process_at_a_time(lot: PostgresParking) -> None:
    asset, other = new_asset_id(), new_asset_id()
    await park(lot, fact(asset, 1))
    await park(lot, fact(other, 1))
    async with lot.claim(str(asset)) as mine:
        assert mine is not None
        async with lot.claim(str(asset)) as theirs, lot.claim(str(other)) as free:
            assert theirs is None
            assert free is not None
        # what comes meanwhile is parked, and seen by whoever claims next
        await park(lot, fact(asset, 2))
        await mine.done()
    assert await drained(lot, asset) == [2]


async def test_groups_do_not_see_each_others_rows(lot: PostgresParking, database: Database) -> None:
    message, renditions = fact(new_asset_id(), 1), PostgresParking(database, "catalog.renditions")
    await park(lot, message)
    await park(renditions, message)
    assert await renditions.parked([message.key, "another"]) == {message.key}
    assert (await lot.count(), await renditions.count()) == (1, 1)
    await drained(lot, UUID(message.key))
    assert (await lot.count(), await renditions.count()) == (0, 1)
    assert await lot.parked([message.key]) == frozenset()


async def test_a_key_takes_only_so_many_rows(
    lot: PostgresParking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parked, "MAX_ROWS_PER_KEY", 2)
    asset = new_asset_id()
    first = fact(asset, 1)
    for message in (first, fact(asset, 2)):
        await park(lot, message)
    await park(lot, first)  # known: no new row
    with pytest.raises(TooLarge) as refused:
        await park(lot, fact(asset, 3))
    assert refused.value.code == "parked_key_full"
    await park(lot, fact(new_asset_id(), 1))


async def test_a_fuse_stays_blown_until_it_is_resumed(database: Database) -> None:
    fuse = PostgresFuse(database)
    assert await fuse.paused("g") is None
    assert await fuse.pause("g", "failures")
    assert not await fuse.pause("g", "another reason")
    assert await fuse.paused("g") == "failures"
    assert await PostgresFuse(database).paused("g") == "failures"
    assert await fuse.paused("h") is None
    assert await fuse.resume("g")
    assert not await fuse.resume("g")
    assert await fuse.paused("g") is None


async def test_when_a_fuse_was_blown_and_resumed_stands_in_its_row(database: Database) -> None:
    fuse, before = PostgresFuse(database), SystemClock().now() - timedelta(minutes=1)
    await fuse.pause("g", "failures")
    await fuse.resume("g")
    await fuse.pause("g", "once more")
    async with database.read() as session:
        row = (await session.execute(text("SELECT * FROM fuse"))).one()
    assert row.reason == "once more"
    assert row.paused_at > before
    assert row.resumed_at > before
