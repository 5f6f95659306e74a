"""The tables of a lost catalog, filled again from the log."""

import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.integration.scratch_log import ScratchLog
from services.catalog.tests.life import (
    BEGINNINGS,
    COMMANDS,
    ENDINGS,
    Life,
    Steps,
    comparable,
    lived,
)

from common.testing.postgres import scratch
from devstack.stack import Stack

pytestmark = pytest.mark.integration


def some_steps(seed: int) -> Steps:
    """A life as `lives` draws it, from a seed."""
    chance = random.Random(seed)
    lanes: list[list[Any]] = []
    for _ in range(2):
        lane: list[Any] = [*chance.choice(BEGINNINGS), *chance.choice(ENDINGS)]
        for _ in range(chance.randrange(6)):
            lane.insert(chance.randrange(len(lane) + 1), chance.choice(COMMANDS))
        lanes.append(lane)
    steps: Steps = []
    while any(lanes):
        number = chance.choice([n for n, lane in enumerate(lanes) if lane])
        steps.append((number, lanes[number].pop(0)))
    return steps


@pytest.fixture
async def log(infra: Stack) -> ScratchLog:
    return await ScratchLog(infra.env["REPRISE_KAFKA_BOOTSTRAP"]).make()


@pytest.fixture
async def empty(infra: Stack) -> AsyncIterator[RealCatalog]:
    async with scratch(infra.env["REPRISE_POSTGRES_ADMIN_URL"], "catalog") as schema:
        yield RealCatalog(schema)


async def told(log: ScratchLog, lives: Sequence[Life]) -> None:
    for life in lives:
        await log.hear(life.inputs)
        await log.tell(life.catalog.outbox)


async def test_many_lives_come_back_as_they_were(log: ScratchLog, empty: RealCatalog) -> None:
    lives = [await lived(some_steps(seed)) for seed in range(150)]
    await told(log, lives)
    assert await log.rebuild(empty.database)(await log.log().ends()) == 0
    tables = await empty.tables()
    rows = {asset_id: row for life in lives for asset_id, row in life.catalog.rows.items()}
    assert {row["asset_id"] for row in tables["asset"]} == rows.keys()
    for asset_id, row in rows.items():
        assert comparable(await empty.asset(asset_id)) == comparable(row)
    entries = {entry: held for life in lives for entry, held in life.catalog.entries.items()}
    assert {(r["user_id"], r["sha256"]): r["asset_id"] for r in tables["library"]} == entries
