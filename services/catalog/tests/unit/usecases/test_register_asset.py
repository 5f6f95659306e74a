import pytest
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import STRANGER, Story, some_sha256
from services.catalog.tests.ways_in import WaysIn, types

from catalog.domain.states import State
from common.errors import NotYet


async def test_stored_bytes_become_an_asset_that_is_processing() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.started(), story.completed())
    asset = catalog.rows[story.asset_id]
    assert asset.state is State.PROCESSING
    assert asset.run_id == story.run(1)
    assert types(catalog.outbox) == [
        "asset.registered",
        "asset.processing-requested",
        "state.asset",
    ]


async def test_the_same_bytes_again_become_an_alias_whose_bytes_are_condemned() -> None:
    catalog, sha256 = MemoryCatalog(), some_sha256()
    first, second = Story(sha256=sha256), Story(sha256=sha256)
    ways_in = WaysIn(catalog)
    await ways_in.hear(first.started(), first.completed(), second.started(), second.completed())
    loser = catalog.rows[second.asset_id]
    assert (loser.state, loser.reason) == (State.PURGING, "duplicate")
    assert loser.duplicate_of == first.asset_id
    assert types(catalog.outbox)[3:] == [
        "asset.upload-deduplicated",
        "asset.purge-due",
        "state.alias",
    ]
    assert second.key.encode() in (catalog.outbox[4].payload or b"")
    assert catalog.rows[first.asset_id].state is State.PROCESSING


async def test_the_same_bytes_of_another_owner_are_an_asset_of_their_own() -> None:
    catalog, sha256 = MemoryCatalog(), some_sha256()
    mine, theirs = Story(sha256=sha256), Story(sha256=sha256, owner=STRANGER)
    await WaysIn(catalog).hear(mine.started(), mine.completed())
    await WaysIn(catalog).hear(theirs.started(), theirs.completed())
    assert {row.state for row in catalog.rows.values()} == {State.PROCESSING}


async def test_a_double_of_a_failed_asset_asks_for_another_run() -> None:
    catalog, sha256 = MemoryCatalog(), some_sha256()
    first, second = Story(sha256=sha256), Story(sha256=sha256)
    ways_in = WaysIn(catalog)
    await ways_in.hear(first.started(), first.completed(), first.broken())
    assert catalog.rows[first.asset_id].state is State.FAILED
    await ways_in.hear(second.started(), second.completed())
    winner = catalog.rows[first.asset_id]
    assert (winner.state, winner.reason) == (State.PROCESSING, None)
    assert winner.run_id == first.run(2)
    assert catalog.rows[second.asset_id].duplicate_of == first.asset_id


async def test_the_bytes_of_a_deleted_asset_may_be_uploaded_again() -> None:
    catalog, sha256 = MemoryCatalog(), some_sha256()
    first, second = Story(sha256=sha256), Story(sha256=sha256)
    ways_in = WaysIn(catalog)
    await ways_in.hear(first.started(), first.completed(), first.withdrawn())
    await ways_in.hear(second.started(), second.completed())
    assert catalog.rows[second.asset_id].state is State.PROCESSING


async def test_bytes_declared_for_an_abandoned_asset_are_condemned_at_once() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.started(), story.aborted(), story.completed())
    assert catalog.rows[story.asset_id].state is State.ABANDONED
    assert types(catalog.outbox) == ["asset.objects-purge-due"]
    assert story.key.encode() in (catalog.outbox[0].payload or b"")


async def test_a_fact_before_its_predecessor_waits_and_leaves_no_trace() -> None:
    catalog, story = MemoryCatalog(), Story()
    ways_in = WaysIn(catalog)
    started, completed = story.started(), story.completed()
    with pytest.raises(NotYet) as waits:
        await ways_in.hear(completed)
    assert waits.value.code == "sequence_gap"
    assert (catalog.rows, catalog.outbox) == ({}, [])
    assert ways_in.outcomes("waiting") == 1
    await ways_in.hear(started, completed)
    assert catalog.rows[story.asset_id].state is State.PROCESSING
