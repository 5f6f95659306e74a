"""Every state record once more: readers take it, and nothing else changes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.story import Story, some_sha256
from services.catalog.tests.ways_in import GRACE
from sqlalchemy import text

from catalog.adapters.postgres_republishing import REPUBLISHING
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.end_grace import EndGrace
from common.events.topics import ASSETS, CATALOG_STATE
from common.postgres import republishing
from common.postgres.engine import WriteSession
from common.postgres.republishing import Republishing

pytestmark = pytest.mark.integration


async def records(catalog: RealCatalog) -> list[Any]:
    """State rows of the outbox in the order in which readers will see them."""
    async with catalog.database.read() as session:
        query = "SELECT key, sequence, payload FROM outbox WHERE topic = :topic ORDER BY position"
        return list(await session.execute(text(query), {"topic": CATALOG_STATE.name}))


async def republish(
    catalog: RealCatalog, what: Republishing = REPUBLISHING, log: str = "one"
) -> int:
    run = await republishing.begin(catalog.database, "ops", log=log, restart=False)
    told = 0
    while (count := await republishing.advance(catalog.database, what, run)) is not None:
        told += count
    return told


async def lives(catalog: RealCatalog) -> dict[str, Story]:
    """One of each kind that readers know: ready, deleted, purged, an alias; and an open upload."""
    sha256 = some_sha256()
    found = {
        "ready": Story(sha256=sha256),
        "alias": Story(sha256=sha256),
        "deleted": Story(),
        "purged": Story(),
        "open": Story(),
    }
    for name, story in found.items():
        await catalog.ways_in.hear([story.started()] if name == "open" else story.to_ready()[:2])
    await DeleteAsset(catalog.transactions, GRACE)(found["purged"].asset_id)
    await catalog.end_all_graces()
    assert await EndGrace(catalog.transactions)()
    await catalog.ways_in.hear(found["purged"].object_purged(), found["purged"].purged())
    await DeleteAsset(catalog.transactions, GRACE)(found["deleted"].asset_id)
    return found


async def test_each_entity_is_told_again_under_the_next_sequence(catalog: RealCatalog) -> None:
    found = await lives(catalog)
    before = await records(catalog)
    last = {row.key: row for row in before}
    tables = await catalog.tables()
    assert await republish(catalog) == 4
    again = (await records(catalog))[len(before) :]
    assert {row.key for row in again} == set(last)
    assert f"alias/{found['alias'].asset_id}" in last
    for row in again:
        assert row.sequence == last[row.key].sequence + 1
        assert (row.payload is None) == (last[row.key].payload is None)
    after = await catalog.tables()
    for name in ("rendition", "library", "names"):
        assert after[name] == tables[name]
    assert unnumbered(after["asset"]) == unnumbered(tables["asset"])


def unnumbered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "records"} for row in rows]


async def test_what_follows_counts_on_from_there(catalog: RealCatalog) -> None:
    found = await lives(catalog)
    await republish(catalog)
    asset_id = found["ready"].asset_id
    before = await catalog.asset(asset_id)
    await DeleteAsset(catalog.transactions, GRACE)(asset_id)
    (row,) = [r for r in (await records(catalog))[-1:] if r.key == f"asset/{asset_id}"]
    assert row.sequence == before.records + 1


async def test_no_fact_is_told(catalog: RealCatalog) -> None:
    await lives(catalog)
    before = [item for item in (await catalog.tables())["outbox"] if item["topic"] == ASSETS.name]
    await republish(catalog)
    after = [item for item in (await catalog.tables())["outbox"] if item["topic"] == ASSETS.name]
    assert after == before


class Killed(Exception):
    """Between two batches, or in one."""


async def test_a_killed_run_goes_on_and_tells_each_once(catalog: RealCatalog) -> None:
    await lives(catalog)
    before = len(await records(catalog))
    tries = 0

    async def dying(
        session: WriteSession, after: UUID | None, _limit: int
    ) -> tuple[UUID | None, int]:
        nonlocal tries
        tries += 1
        found = await REPUBLISHING.batch(session, after, 1)
        if tries % 2 == 0:
            raise Killed
        return found

    one_by_one = Republishing("catalog", "records", REPUBLISHING.count, dying)
    runs = 0
    while True:
        runs += 1
        try:
            await republish(catalog, one_by_one)
            break
        except Killed:
            continue
    assert runs > 2
    again = (await records(catalog))[before:]
    assert len(again) == len({row.key for row in again}) == 4
    async with catalog.database.read() as session:
        audit = (await session.execute(text("SELECT operator, outcome FROM operator_action"))).all()
    assert len(audit) == 1
    assert '"told": 4' in str(audit[0].outcome) or audit[0].outcome["told"] == 4


async def test_a_run_that_a_lost_kafka_outlived_is_begun_anew(catalog: RealCatalog) -> None:
    """What it had told went down with the old log."""
    await lives(catalog)

    async def killed_after_one(
        session: WriteSession, after: UUID | None, _limit: int
    ) -> tuple[UUID | None, int]:
        if after is not None:
            raise Killed
        return await REPUBLISHING.batch(session, after, 1)

    with pytest.raises(Killed):
        await republish(
            catalog, Republishing("catalog", "records", REPUBLISHING.count, killed_after_one)
        )
    assert await republish(catalog, log="another") == 4
