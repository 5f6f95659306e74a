import asyncio
from datetime import timedelta

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.story import Story

from catalog.domain.states import State
from catalog.sweeps.grace import GraceSweep
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.end_grace import EndGrace
from catalog.usecases.restore_asset import RestoreAsset
from common.errors import Gone
from common.ids import AssetId
from common.telemetry.metrics import Metrics

pytestmark = pytest.mark.integration


async def deleted(catalog: RealCatalog, grace: timedelta = timedelta(0)) -> Story:
    story = Story()
    await catalog.ways_in.hear(story.to_ready())
    await DeleteAsset(catalog.transactions, grace)(story.asset_id)
    return story


async def test_the_sweep_ends_what_is_due_and_nothing_else(catalog: RealCatalog) -> None:
    due = [await deleted(catalog) for _ in range(3)]
    later = await deleted(catalog, timedelta(days=1))
    sweep = GraceSweep(EndGrace(catalog.transactions), 0.05, Metrics("catalog"))
    assert await sweep.turn(asyncio.Event()) == 3
    assert await sweep.turn(asyncio.Event()) == 0
    assert {(await catalog.asset(story.asset_id)).state for story in due} == {State.PURGING}
    assert (await catalog.asset(later.asset_id)).state is State.DELETED
    assert (await catalog.types()).count("asset.purge-due") == 3


async def test_the_sweep_runs_until_it_is_told_to_stop(catalog: RealCatalog) -> None:
    story, stop = await deleted(catalog), asyncio.Event()
    sweep = GraceSweep(EndGrace(catalog.transactions), 0.02, Metrics("catalog"))
    async with asyncio.TaskGroup() as group:
        group.create_task(sweep.loop(stop))
        await catalog.until(story.asset_id, State.PURGING)
        stop.set()


async def restored(catalog: RealCatalog, asset_id: AssetId) -> bool:
    try:
        await RestoreAsset(catalog.transactions)(asset_id)
    except Gone:
        return False
    return True


async def test_a_restore_at_the_last_moment_wins_or_loses_as_a_whole(catalog: RealCatalog) -> None:
    end_grace = EndGrace(catalog.transactions)
    for _ in range(10):
        story = await deleted(catalog)
        back, ended = await asyncio.gather(restored(catalog, story.asset_id), end_grace())
        assert back is not ended
        asset = await catalog.asset(story.asset_id)
        assert asset.state is (State.READY if back else State.PURGING)
    types = await catalog.types()
    assert types.count("asset.restored") + types.count("asset.purge-due") == 10


async def test_a_restore_in_flight_is_passed_over_by_the_sweep(catalog: RealCatalog) -> None:
    story = await deleted(catalog)
    async with catalog.transactions.open() as work:
        assert await work.assets.lock(story.asset_id)
        assert not await EndGrace(catalog.transactions)()
    assert await EndGrace(catalog.transactions)()
