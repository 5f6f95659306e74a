"""The order of what owners are told, where many transactions tell at once."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from gateway_support.bench import OWNER, STRANGER
from sqlalchemy import text

from common.clock import SystemClock
from common.ids import UserId, new_asset_id, new_upload_id, original_key
from common.jobs.queue import JobQueue
from common.postgres.engine import Database
from common.testing.postgres import scratch_schema
from devstack.stack import Stack
from upload_gateway.adapters.postgres_feed import PostgresFeed
from upload_gateway.adapters.postgres_ledger import PostgresLedger
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.telling import Told
from upload_gateway.domain.upload import State, Upload

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
WRITERS, EACH = 8, 12


@pytest.fixture
async def database(infra: Stack) -> AsyncIterator[Database]:
    async with scratch_schema(infra.env["REPRISE_POSTGRES_ADMIN_URL"], "upload_gateway") as opened:
        yield opened


def new_upload(owner: UserId) -> Upload:
    asset_id, now = new_asset_id(), CLOCK.now()
    return Upload(
        id=new_upload_id(),
        asset_id=asset_id,
        user_id=owner,
        kind="audio",
        key=original_key(asset_id, "flac"),
        length=10,
        max_length=10,
        part_size=5,
        created_at=now,
        expires_at=now,
    )


def stored_upload(owner: UserId) -> Upload:
    return replace(new_upload(owner), state="stored", sha256="0" * 64, size=10, etag="e")


class Crowd:
    """Writers who commit early and late, and one who reads on from the last number."""

    def __init__(self, database: Database) -> None:
        self._ledger = PostgresLedger(database, JobQueue(database))
        self._feed = PostgresFeed(database)
        self._chance = random.Random(5)
        self.heard: dict[UserId, list[Told]] = {OWNER: [], STRANGER: []}

    async def write(self) -> None:
        for _ in range(EACH):
            async with self._ledger.change() as tx:
                for owner in self._chance.sample([OWNER, STRANGER], k=self._chance.choice([1, 2])):
                    await tx.add(new_upload(owner))
                await tx.close_telling()  # early, so that the commit comes much later
                await asyncio.sleep(self._chance.random() / 50)

    async def read(self, done: asyncio.Event) -> None:
        while not done.is_set():
            await self.catch_up()

    async def catch_up(self) -> None:
        people = list(self.heard)
        cursors = [(who, self._last(who)) for who in people]
        for who, news in zip(people, await self._feed.news(cursors, 5), strict=True):
            self.heard[who] += news.told

    def _last(self, who: UserId) -> int:
        return self.heard[who][-1].number if self.heard[who] else 0


async def test_who_reads_on_from_the_last_number_misses_nothing_that_commits_later(
    database: Database,
) -> None:
    crowd, done = Crowd(database), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.read(done))
        async with asyncio.TaskGroup() as writers:
            for _ in range(WRITERS):
                writers.create_task(crowd.write())
        done.set()
    for _ in range(WRITERS * EACH):
        await crowd.catch_up()
    for told in crowd.heard.values():
        assert [one.number for one in told] == list(range(1, len(told) + 1))
    assert sum(map(len, crowd.heard.values())) == await uploads(database)


async def uploads(database: Database) -> int:
    async with database.read() as session:
        return int(await session.scalar(text("SELECT count(*) FROM upload")) or 0)


async def test_the_oldest_entries_go_first_and_what_is_left_has_no_hole(
    database: Database,
) -> None:
    ledger, feed = PostgresLedger(database, JobQueue(database)), PostgresFeed(database)
    upload = new_upload(OWNER)
    async with ledger.change() as tx:
        await tx.add(upload)
    states: tuple[State, ...] = ("receiving", "verifying")
    for state in states:
        async with ledger.change() as tx:
            await tx.save(replace(await tx.locked(upload.id), state=state))
    assert (await feed.standing(OWNER, 10)).floor == 0
    async with database.write() as session:
        # a clock that was set back: the second looks older than the first
        await session.execute(
            text("UPDATE upload_event SET kept_at = now() - interval '1 day' WHERE number = 2")
        )
    assert await feed.forget(CLOCK.now() - timedelta(hours=1)) == 2
    standing = await feed.standing(OWNER, 10)
    assert (standing.floor, standing.last) == (2, 3)
    assert [told.number for told in await ledger.timeline(upload.id, 10)] == [3]


async def test_a_stored_upload_stands_there_before_anything_is_heard_of_its_asset(
    database: Database,
) -> None:
    ledger, feed = PostgresLedger(database, JobQueue(database)), PostgresFeed(database)
    begun, stored, heard = new_upload(OWNER), stored_upload(OWNER), stored_upload(OWNER)
    async with ledger.change() as tx:
        for upload in (begun, stored, heard, stored_upload(STRANGER)):
            await tx.add(upload)
        await tx.follow(Journey(heard.asset_id, heard.id, OWNER))
    standing = await feed.standing(OWNER, 10)
    assert [one.id for one in standing.uploads] == [begun.id, stored.id, heard.id]
    async with ledger.change() as tx:
        await tx.follow(Journey(stored.asset_id, stored.id, OWNER, "ready"))
    assert {one.id for one in (await feed.standing(OWNER, 10)).uploads} == {begun.id, heard.id}


async def test_pieces_of_an_upload_keep_no_stored_one_from_standing_there(
    database: Database,
) -> None:
    ledger, feed = PostgresLedger(database, JobQueue(database)), PostgresFeed(database)
    stored, piece = stored_upload(OWNER), replace(new_upload(OWNER), concat="partial")
    async with ledger.change() as tx:
        await tx.add(stored)
        await tx.add(piece)
    assert [one.id for one in (await feed.standing(OWNER, 1)).uploads] == [stored.id]


async def test_a_name_that_was_taken_back_leaves_the_ledger_too_once_it_is_old(
    database: Database,
) -> None:
    ledger, now = PostgresLedger(database, JobQueue(database)), CLOCK.now()
    old = replace(new_upload(OWNER), file_name="a.flac", metadata="filename YS5mbGFj")
    ends = (old.aborted(now - timedelta(days=2)), replace(new_upload(OWNER), file_name="b.flac"))
    async with ledger.change() as tx:
        for upload in ends:
            await tx.add(upload)
    assert await ledger.forget_names(now - timedelta(days=1)) == 1
    assert await ledger.forget_names(now - timedelta(days=1)) == 0
    found = [await ledger.find(upload.id) for upload in ends]
    assert [(upload.file_name, upload.metadata) for upload in found] == [(None, ""), ("b.flac", "")]
