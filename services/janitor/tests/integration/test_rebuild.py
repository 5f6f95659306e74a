"""The ledger is rebuilt from the log and swapped in; no order is lost, none carried out twice."""

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from services.janitor.tests.integration.ledger_life import Life, a_life, a_log, keys, open_life
from tests.faults.deaths import witness

from common.events import Received, decode
from common.ids import new_asset_id
from common.settings.groups import KafkaSettings
from common.subscriber.replay import Replay
from devstack.repository import ROOT
from janitor.adapters.shadow_settling import settle
from janitor.adapters.shadow_tables import ShadowTables
from janitor.consumers.folding import fold_one
from janitor.domain.folding import Fold

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PROCESS = Path(__file__).with_name("rebuild_process.py")
EMPTY = "TRUNCATE purge, stored_object, asset"


@pytest.fixture
async def life(kafka: KafkaSettings, admin_url: str) -> AsyncIterator[Life]:
    async with open_life(kafka, admin_url) as made:
        yield made


async def started(life: Life, what: str = "swap", **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROCESS),
        life.schema.name,
        what,
        life.state.name,
        *(topic.name for topic in life.sources),
        env={
            "REPRISE_KAFKA_BOOTSTRAP": life.kafka.bootstrap,
            "REPRISE_POSTGRES_URL_JANITOR": life.schema.url,
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
        }
        | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def rebuild(life: Life, what: str = "swap") -> dict[str, Any]:
    process = await started(life, what)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told: dict[str, Any] = json.loads(out)
    return told


async def dies(life: Life, point: str, passes: str = "") -> None:
    process = await started(life, REPRISE_FAILPOINTS=f"{point}=exit{passes}")
    async with asyncio.timeout(60):
        _, err = await process.communicate()
    witness(point, process.returncode, err.decode())


def counted(told: dict[str, Any]) -> dict[str, int]:
    return {k: n for k, n in told["differences"].items() if n and k != "rows"}


async def test_a_sound_ledger_is_what_the_log_says_and_stays_so_after_a_swap(life: Life) -> None:
    made = await a_life(life)
    before = await life.ledger()
    assert counted(await rebuild(life, "compare")) == {}
    told = await rebuild(life)
    assert counted(told) == {}
    assert told["swapped"]["queued"] == 0
    assert await life.ledger() == before
    # it lives on: the order that waited is carried out, new facts are numbered on
    assert await life.work() == 1
    late = await life.rows(f"SELECT state FROM stored_object WHERE asset_id = '{made['waiting']}'")
    assert {state for (state,) in late} == {"purged"}
    await life.relay()
    assert counted(await rebuild(life, "compare")) == {}


async def test_an_emptied_ledger_comes_back_with_its_orders_and_proofs(life: Life) -> None:
    await a_life(life)
    before = await life.ledger()
    await life.execute(EMPTY, "DELETE FROM job")
    told = counted(await rebuild(life, "compare"))
    assert told["objects_missing"] == len(before["objects"])
    assert await life.rows("SELECT * FROM purge") == []
    swapped = (await rebuild(life))["swapped"]
    assert swapped["queued"] == 1, "only the order that was never carried out"
    assert await life.ledger() == before
    asked = len(life.remover.asked)
    assert await life.work() == 1
    assert len(life.remover.asked) - asked == 2
    assert await life.relay() == 3, "two objects and their asset; nothing is told again"
    audit = await life.rows("SELECT operator, command FROM operator_action")
    assert audit == [("a test", "rebuild janitor-ledger")]


async def test_deletions_that_nobody_was_told_of_are_not_carried_out_again(life: Life) -> None:
    await a_life(life)
    assert await life.work() == 1  # and no relay
    before = await life.ledger()
    await life.execute(EMPTY, "DELETE FROM job")
    swapped = (await rebuild(life))["swapped"]
    assert (swapped["untold"], swapped["queued"]) == (3, 0)
    assert await life.ledger() == before
    assert await life.work() == 0


async def test_what_only_the_ledger_knows_stays_and_nothing_comes_back_to_life(life: Life) -> None:
    made = await a_life(life)
    condemn = (
        "UPDATE stored_object SET state = 'condemned', reason = 'x', condemned_at = now(),"
        f" cause_event_id = asset_id WHERE asset_id = '{made['living']}'"
    )
    unknown = new_asset_id()
    key = keys(unknown)[0]
    await life.execute(
        condemn,
        f"INSERT INTO asset (asset_id) VALUES ('{unknown}')",
        f"INSERT INTO stored_object (key, asset_id, state) VALUES ('{key}', '{unknown}', 'living')",
    )
    before = await life.ledger()
    told = await rebuild(life)
    assert counted(told) == {"assets_unknown": 1, "objects_unknown": 1, "objects_ahead": 2}
    assert await life.ledger() == before


async def test_what_the_log_knows_better_is_put_right(life: Life) -> None:
    made = await a_life(life)
    before = await life.ledger()
    await life.execute(
        "UPDATE stored_object SET state = 'living', purged_at = NULL, reason = NULL,"
        f" cause_event_id = NULL, ordered_by = NULL WHERE asset_id = '{made['purged']}'",
        "UPDATE purge SET keys = '{}' WHERE scope = 'objects'",
    )
    told = counted(await rebuild(life, "compare"))
    assert told == {"objects_behind": 3, "orders_other": 3}
    await rebuild(life)
    assert await life.ledger() == before


async def test_what_the_consumers_have_not_read_yet_is_applied_by_the_swap(life: Life) -> None:
    await a_life(life, assets=1)
    asset = new_asset_id()
    owned = keys(asset)
    unread = [*life.stored(asset, owned), life.purge_due(asset, owned)]
    await life.publish(unread)
    assert (await rebuild(life))["swapped"]["queued"] == 1
    ledger = await life.ledger()
    await life.hear(unread)  # now they come to it
    assert await life.ledger() == ledger
    assert await life.work() == 2
    await life.relay()
    assert counted(await rebuild(life, "compare")) == {}


async def test_the_swap_happens_while_orders_come_in_and_are_carried_out(life: Life) -> None:
    await a_life(life, assets=1)
    stop = False

    async def live() -> None:
        while not stop:
            asset = new_asset_id()
            owned = keys(asset)
            await life.tell(*life.stored(asset, owned))
            await life.tell(life.purge_due(asset, owned))
            await life.work()

    async with asyncio.TaskGroup() as group:
        group.create_task(live())
        for _ in range(2):
            assert (await rebuild(life))["swapped"] is not None
        stop = True
    await life.work()
    await life.relay()
    assert counted(await rebuild(life, "compare")) == {}
    assert await life.rows("SELECT id FROM purge WHERE finished_at IS NULL") == []
    twice = "SELECT event_id FROM outbox GROUP BY event_id HAVING count(*) > 1"
    assert await life.rows(twice) == []
    gaps = "SELECT key FROM outbox GROUP BY key HAVING count(*) <> max(sequence)"
    assert await life.rows(gaps) == []


@pytest.mark.failpoint("janitor.after_rebuild_batch", "janitor.before_ledger_swap")
async def test_a_killed_rebuild_changes_nothing_and_goes_on_where_it_was(life: Life) -> None:
    await a_life(life)
    before = await life.ledger()
    await dies(life, "janitor.after_rebuild_batch")
    assert await life.ledger() == before
    reached = await life.rows("SELECT sum(next_offset) > 0 FROM rebuilt_progress")
    await dies(life, "janitor.before_ledger_swap")
    assert await life.ledger() == before
    assert await life.rows("SELECT to_regclass('previous_asset') IS NULL") == [(True,)]
    told = await rebuild(life)
    assert told["swapped"] is not None
    assert reached == [(True,)]
    assert await life.ledger() == before


async def test_a_rebuild_cut_off_before_kafka_was_lost_does_not_go_on_in_the_new_log(
    life: Life,
) -> None:
    """The new log is as long as the old one: no offset tells them apart."""
    await a_life(life, assets=1)
    await dies(life, "janitor.after_rebuild_batch")
    before = await life.ledger()
    life.state = await a_log(life.kafka)
    process = await started(life)
    async with asyncio.timeout(60):
        _, err = await process.communicate()
    assert "rebuild_stale" in err.decode()
    assert process.returncode != 0
    assert await life.ledger() == before


async def test_a_rebuild_cut_off_before_a_migration_begins_anew(life: Life) -> None:
    await a_life(life, assets=1)
    await dies(life, "janitor.after_rebuild_batch")
    await life.execute("ALTER TABLE stored_object ADD COLUMN colour text")
    assert counted(await rebuild(life)) == {}


async def test_an_order_that_only_the_ledger_calls_done_is_queued_once_it_is_opened_by_hand(
    life: Life,
) -> None:
    """As the runbook of fsck says, under `janitor.orders`."""
    await a_life(life, assets=1)
    closed = "UPDATE purge SET finished_at = now() WHERE finished_at IS NULL"
    await life.execute("CREATE TABLE noted AS SELECT id FROM purge WHERE finished_at IS NULL")
    await life.execute(closed, "DELETE FROM job")
    told = await rebuild(life)
    assert (counted(told), told["swapped"]["queued"]) == ({"orders_ahead": 1}, 0)
    await life.execute("UPDATE purge SET finished_at = NULL WHERE id IN (SELECT id FROM noted)")
    assert (await rebuild(life))["swapped"]["queued"] == 1
    assert await life.work() == 1


async def test_a_comparison_leaves_nothing_behind_to_go_on_from(life: Life) -> None:
    await a_life(life, assets=1)
    await rebuild(life)
    await rebuild(life, "compare")
    left = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    names = {str(name) for (name,) in await life.rows(left)}
    assert {name for name in names if name.startswith("rebuilt_")} == set()
    assert "previous_purge" in names, "the way back is not for a comparison to close"


async def test_index_and_constraint_names_are_those_of_the_migrations_after_each_swap(
    life: Life,
) -> None:
    names = (
        "SELECT tablename, indexname, substring(indexdef FROM ' USING .*') FROM pg_indexes"
        " WHERE schemaname = current_schema() AND tablename IN ('asset', 'stored_object', 'purge')"
        " ORDER BY 1, 2"
    )
    constraints = (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid IN ('asset'::regclass, 'stored_object'::regclass, 'purge'::regclass)"
        " AND contype <> 'n' ORDER BY 1, 2"
    )
    await a_life(life, assets=1)
    before = await life.rows(names), await life.rows(constraints)
    for _ in range(2):
        await rebuild(life)
        assert (await life.rows(names), await life.rows(constraints)) == before


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))]
)
async def test_any_order_of_the_facts_and_any_repeat_gives_the_same_ledger(
    life: Life, seed: int
) -> None:
    """Between topics there is no order, and a batch may be read twice."""
    facts = await a_history(life)
    shadow = ShadowTables(life.schema.database)
    ledgers = []
    for shuffled in (facts, mixed(facts, seed)):
        await shadow.begin("a log", anew=True)
        for start in range(0, len(shuffled), 5):
            fold = Fold()
            for received in shuffled[start : start + 5]:
                fold_one(fold, received)
            await shadow.apply(fold, {})
            if start == 10:  # conclusions drawn too early do no harm
                async with life.schema.database.write() as session:
                    await settle(session)
        async with life.schema.database.write() as session:
            await settle(session)
        ledgers.append(await shadow_rows(life))
    assert ledgers[0] == ledgers[1]


async def a_history(life: Life) -> list[Received]:
    """All facts of some lives, those of the janitor too, in the order in which they were told."""
    await a_life(life, assets=2)
    await life.work()
    await life.relay()
    async with Replay(life.kafka, life.sources) as replay:
        records = [
            record
            async for batch in replay.read({}, await replay.ends())
            for record in batch.records
        ]
    return [decode(record.key, record.headers, record.value) for record in records]


def mixed(facts: list[Received], seed: int) -> list[Received]:
    """Another order, and a third of them twice."""
    chance = random.Random(seed)
    return chance.sample(facts + facts[::3], k=len(facts) + len(facts[::3]))


async def shadow_rows(life: Life) -> list[list[tuple[object, ...]]]:
    return [
        await life.rows("SELECT asset_id, sequence, dead_event_id FROM rebuilt_asset ORDER BY 1"),
        await life.rows(
            "SELECT key, asset_id, state, reason, cause_event_id, ordered_by"
            " FROM rebuilt_stored_object ORDER BY 1"
        ),
        await life.rows(
            "SELECT id, asset_id, scope, keys, finished_at IS NOT NULL"
            " FROM rebuilt_purge ORDER BY 1"
        ),
    ]
