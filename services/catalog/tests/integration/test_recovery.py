"""The tables of a lost catalog, filled again from the log."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.integration.scratch_log import ScratchLog
from services.catalog.tests.life import Life, Steps, comparable, lived, some_steps
from services.catalog.tests.story import Story
from services.catalog.tests.ways_in import GRACE
from sqlalchemy import text
from typing_extensions import override

from catalog.domain.states import State
from catalog.recovery.adapters.postgres_rebuilding import clear_away, unfinished
from catalog.recovery.domain.history import Tally
from catalog.usecases.delete_asset import DeleteAsset
from common.events import Message
from common.events.topics import ASSETS, CATALOG_STATE
from common.testing.postgres import scratch
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
async def log(infra: Stack) -> ScratchLog:
    return await ScratchLog(infra.env["REPRISE_KAFKA_BOOTSTRAP"]).make()


@asynccontextmanager
async def empty_schema(infra: Stack) -> AsyncIterator[RealCatalog]:
    async with scratch(infra.env["REPRISE_POSTGRES_ADMIN_URL"], "catalog") as schema:
        yield RealCatalog(schema)


@pytest.fixture
async def empty(infra: Stack) -> AsyncIterator[RealCatalog]:
    async with empty_schema(infra) as made:
        yield made


async def told(log: ScratchLog, lives: Sequence[Life], outbox: Sequence[Message] = ()) -> None:
    for life in lives:
        await log.hear(life.inputs)
        await log.tell(outbox or life.catalog.outbox)


async def make_whole(catalog: RealCatalog) -> None:
    async with catalog.database.write() as session:
        await clear_away(session)


async def test_many_lives_come_back_as_they_were(log: ScratchLog, empty: RealCatalog) -> None:
    lives = [await lived(some_steps(seed)) for seed in range(150)]
    await told(log, lives)
    assert await log.rebuild(empty.database)(await log.log().ends()) == Tally()
    tables = await empty.tables()
    rows = {asset_id: row for life in lives for asset_id, row in life.catalog.rows.items()}
    assert {row["asset_id"] for row in tables["asset"]} == rows.keys()
    for asset_id, row in rows.items():
        assert comparable(await empty.asset(asset_id)) == comparable(row)
    entries = {entry: held for life in lives for entry, held in life.catalog.entries.items()}
    assert {(r["user_id"], r["sha256"]): r["asset_id"] for r in tables["library"]} == entries
    facts = {
        (item.key, item.envelope.sequence): (item.envelope.id, item.payload)
        for life in lives
        for item in life.catalog.outbox
        if item.topic == ASSETS.name
    }
    assert {
        (row["key"], row["sequence"]): (row["event_id"], row["payload"]) for row in tables["outbox"]
    } == facts
    assert all(row["published_at"] and row["kafka_offset"] is not None for row in tables["outbox"])


class Killed(Exception):
    """What a kill looks like from inside: nothing after it runs."""


class Deadly:
    """Ends the recovery after so many reports."""

    def __init__(self, after: int) -> None:
        self.left = after

    def begin(self, step: str, total: int | None) -> None:
        pass

    def advance(self, count: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


async def test_a_recovery_killed_anywhere_ends_in_the_same_tables(
    log: ScratchLog, infra: Stack
) -> None:
    lives = [await lived(some_steps(seed)) for seed in range(1000, 1040)]
    await told(log, lives)
    ends = await log.log().ends()
    async with empty_schema(infra) as straight, empty_schema(infra) as killed:
        await log.rebuild(straight.database)(ends)
        kills = 0
        for turn in range(100):
            # small batches, and a death a little later each time
            log.progress, log.batch = Deadly(turn), 25
            try:
                await log.rebuild(killed.database)(ends)
                break
            except Killed:
                kills += 1
                assert await unfinished(killed.database)
        assert kills >= 5
        await make_whole(straight)
        await make_whole(killed)
        assert without_places(await killed.tables()) == without_places(await straight.tables())
        assert await indexes(killed) == await indexes(straight)


class DeadlyInHistory(Deadly):
    """Ends it once the first histories are stored."""

    @override
    def begin(self, step: str, total: int | None) -> None:
        self.left = 0 if step == "history" else 1_000_000


async def test_what_the_log_does_not_explain_is_still_counted_after_a_kill(
    log: ScratchLog, empty: RealCatalog
) -> None:
    life = await lived([(0, Story.started), (0, Story.completed)])
    facts = [item for item in life.catalog.outbox if item.topic == ASSETS.name]
    assert facts
    await log.tell(facts)  # and nothing of what led to them
    ends = await log.log().ends()
    log.progress = DeadlyInHistory(0)
    with pytest.raises(Killed):
        await log.rebuild(empty.database)(ends)
    async with empty.database.read() as session:
        assert await session.scalar(text("SELECT cursor FROM recovery_step")) is not None
    log.progress = Deadly(1000)
    assert await log.rebuild(empty.database)(ends) == Tally(unexplained=len(facts))


def without_places(tables: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    """Positions and times of refilled outbox rows are new each time."""
    new = {"position", "appended_at", "xid"}
    return {
        name: [{k: v for k, v in row.items() if k not in new} for row in rows]
        if name != "outbox"
        else {(row["key"], row["sequence"]): row["event_id"] for row in rows}
        for name, rows in tables.items()
    }


async def indexes(catalog: RealCatalog) -> set[str]:
    """Indexes and constraints, without the name of the schema."""
    async with catalog.database.read() as session:
        found = await session.exec_driver_sql(
            "SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes"
            " WHERE schemaname = current_schema()"
            " UNION SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = to_regnamespace(current_schema())"
        )
        return {str(row[0]) for row in found}


async def test_the_schema_is_as_its_migrations_made_it(log: ScratchLog, infra: Stack) -> None:
    async with empty_schema(infra) as fresh, empty_schema(infra) as recovered:
        await log.rebuild(recovered.database)(await log.log().ends())
        await make_whole(recovered)
        assert await indexes(recovered) == await indexes(fresh)


WITHOUT_COMMANDS: Steps = [
    (0, Story.started),
    (0, Story.completed),
    (0, Story.probed),
    (0, lambda s: s.ready("mp3-192")),
    (0, lambda s: s.ready("aac-128")),
    (0, Story.finished),
    (0, lambda s: s.named("a.flac")),
    (0, Story.flagged),
]


@pytest.mark.parametrize("kept", range(10))
async def test_facts_that_were_never_relayed_are_told_again(
    log: ScratchLog, empty: RealCatalog, kept: int
) -> None:
    """Wherever the relay's last commit was: the same facts, under the same ids."""
    life = await lived(WITHOUT_COMMANDS)
    outbox = life.catalog.outbox
    assert len(outbox) >= 10
    await log.hear(life.inputs)
    await log.tell(outbox[:kept])
    await log.rebuild(empty.database)(await log.log().ends())
    await log.untold(empty.database)()
    asset_id = life.stories[0].asset_id
    before, after = life.catalog.rows[asset_id], await empty.asset(asset_id)
    assert comparable(replace(after, records=0, version=0)) == comparable(
        replace(before, records=0, version=0)
    )
    facts = [row for row in (await empty.tables())["outbox"] if row["topic"] == ASSETS.name]
    assert {row["event_id"] for row in facts} == {
        item.envelope.id for item in outbox if item.topic == ASSETS.name
    }
    published = {row["event_id"] for row in facts if row["published_at"]}
    in_log = {item.envelope.id for item in outbox[:kept] if item.topic == ASSETS.name}
    assert published == in_log


async def test_a_recovered_catalog_goes_on_counting(log: ScratchLog, empty: RealCatalog) -> None:
    life = await lived([step for step in WITHOUT_COMMANDS if step[1] is not Story.flagged])
    await told(log, [life])
    await log.rebuild(empty.database)(await log.log().ends())
    await log.untold(empty.database)()
    asset_id = life.stories[0].asset_id
    before = life.catalog.rows[asset_id]
    deleted = await DeleteAsset(empty.transactions, GRACE)(asset_id)
    assert deleted.state is State.DELETED
    assert (deleted.facts, deleted.records, deleted.generation) == (
        before.facts + 1,
        before.records + 1,
        before.generation + 1,
    )


def of_the_version_before(message: Message) -> Message:
    """A state record as it was before it carried the row."""
    if message.topic != CATALOG_STATE.name or message.payload is None:
        return message
    value = json.loads(message.payload)
    value.pop("row", None)
    return replace(message, payload=json.dumps(value).encode())


async def test_records_without_rows_are_told_from_their_history(
    log: ScratchLog, empty: RealCatalog
) -> None:
    lives = [await lived(some_steps(seed)) for seed in range(3000, 3020)]
    for life in lives:
        await told(log, [life], [of_the_version_before(item) for item in life.catalog.outbox])
    assert await log.rebuild(empty.database)(await log.log().ends()) == Tally()
    rows = {asset_id: row for life in lives for asset_id, row in life.catalog.rows.items()}
    for asset_id, row in rows.items():
        back = comparable(await empty.asset(asset_id))
        before = comparable(row)
        assert back is not None
        assert before is not None
        # its record is told once more, with the row in it
        assert replace(back, records=0) == replace(before, records=0)
        assert back.records >= before.records


async def test_an_input_that_waits_for_another_is_parked(
    log: ScratchLog, empty: RealCatalog
) -> None:
    story = Story()  # the upload's own facts are not in the log
    await log.hear([story.probed()])
    await log.rebuild(empty.database)(await log.log().ends())
    await log.untold(empty.database)()
    async with empty.database.read() as session:
        found = (await session.exec_driver_sql("SELECT consumer, reason FROM parked")).all()
    assert [tuple(row) for row in found] == [("catalog.renditions", "asset_unknown")]
