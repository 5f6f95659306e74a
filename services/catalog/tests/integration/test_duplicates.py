import asyncio
import json

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.story import Story, some_sha256
from services.catalog.tests.ways_in import WaysIn
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from catalog.domain.states import State

pytestmark = pytest.mark.integration


async def test_fifty_completions_of_the_same_bytes_at_once_make_one_asset_and_49_aliases(
    catalog: RealCatalog,
) -> None:
    sha256 = some_sha256()
    stories = [Story(sha256=sha256) for _ in range(50)]
    for story in stories:
        await catalog.ways_in.hear(story.started())
    # as many consumers as there are facts, each with transactions of its own
    await asyncio.gather(
        *(WaysIn(catalog.transactions).hear(story.completed()) for story in stories)
    )
    assets = [await catalog.asset(story.asset_id) for story in stories]
    living = [asset for asset in assets if asset.living]
    aliases = [asset for asset in assets if asset.duplicate_of]
    assert (len(living), len(aliases)) == (1, 49)
    assert {alias.duplicate_of for alias in aliases} == {living[0].asset_id}
    types = await catalog.types()
    assert types.count("asset.registered") == 1
    assert types.count("asset.upload-deduplicated") == 49
    assert types.count("state.alias") == 49
    async with catalog.database.read() as session:
        due = await session.scalars(
            text("SELECT payload FROM outbox WHERE type = 'reprise.asset.purge-due.v1'")
        )
        condemned = {key for payload in due for key in json.loads(payload)["keys"]}
    assert condemned == {alias.key for alias in aliases}


async def test_a_delete_and_the_arrival_of_the_same_bytes_never_wait_for_each_other(
    catalog: RealCatalog,
) -> None:
    sha256 = some_sha256()
    first = Story(sha256=sha256)
    await catalog.ways_in.hear(first.started(), first.completed(), first.broken())
    for _ in range(10):
        double = Story(sha256=sha256)
        await catalog.ways_in.hear(double.started())
        await asyncio.gather(
            WaysIn(catalog.transactions).hear(first.withdrawn()),
            WaysIn(catalog.transactions).hear(double.completed()),
        )
        one, other = await catalog.asset(first.asset_id), await catalog.asset(double.asset_id)
        assert [one.living, other.living].count(True) <= 1
        assert not one.living
        if other.living:
            await catalog.ways_in.hear(double.broken())
            first = double
        else:
            first = Story(sha256=sha256)
            await catalog.ways_in.hear(first.started(), first.completed(), first.broken())


async def test_the_database_itself_refuses_a_second_living_asset_with_the_same_bytes(
    catalog: RealCatalog,
) -> None:
    sha256 = some_sha256()
    first, second = Story(sha256=sha256), Story(sha256=sha256)
    for story in (first, second):
        await catalog.ways_in.hear(story.started(), story.completed())
    with pytest.raises(IntegrityError, match="asset_living_digest"):
        await catalog.run(
            "UPDATE asset SET state = 'stored' WHERE asset_id = :id", id=second.asset_id
        )
    assert (await catalog.asset(second.asset_id)).state is State.PURGING
