import pytest
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story, some_sha256
from services.catalog.tests.ways_in import WaysIn, types

from catalog.domain.rendition import RenditionState
from catalog.domain.states import State
from common.errors import NotYet


async def test_ready_is_said_once_when_the_last_required_rendition_is_there() -> None:
    catalog, story = MemoryCatalog(), Story()
    ways_in = WaysIn(catalog)
    await ways_in.hear(story.started(), story.completed(), story.probed(), story.ready("aac-128"))
    assert catalog.rows[story.asset_id].state is State.PROCESSING
    await ways_in.hear(story.ready("mp3-192"), story.finished())
    asset = catalog.rows[story.asset_id]
    assert asset.state is State.READY
    assert asset.ready_at is not None
    assert types(catalog.outbox).count("asset.ready") == 1


async def test_an_empty_plan_leaves_the_original_as_the_playable_tier() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.started(), story.completed(), story.probed(plan=()))
    assert catalog.rows[story.asset_id].state is State.READY


async def test_a_failed_extra_hides_nothing() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(
        story.started(), story.completed(), story.probed(), story.failed("aac-128"),
        story.ready("mp3-192"), story.finished(),
    )  # fmt: skip
    assert catalog.rows[story.asset_id].state is State.READY


async def test_a_failed_requirement_fails_the_asset_and_says_why() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(
        story.started(), story.completed(), story.probed(), story.failed("mp3-192", "no_audio"),
        story.ready("aac-128"), story.finished(),
    )  # fmt: skip
    asset = catalog.rows[story.asset_id]
    assert (asset.state, asset.reason) == (State.FAILED, "no_audio")
    assert types(catalog.outbox).count("asset.failed") == 1


async def test_an_unreadable_original_fails_the_asset_and_keeps_the_original() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.started(), story.completed(), story.broken("truncated"))
    asset = catalog.rows[story.asset_id]
    assert (asset.state, asset.reason) == (State.FAILED, "truncated")
    assert "asset.purge-due" not in types(catalog.outbox)


async def test_a_run_that_ends_without_its_requirements_fails() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.started(), story.completed(), story.probed(), story.finished())
    asset = catalog.rows[story.asset_id]
    assert (asset.state, asset.reason) == (State.FAILED, "processing_incomplete")


async def a_second_run(catalog: MemoryCatalog, ways_in: WaysIn) -> Story:
    """An asset that failed once and is processing again, because its bytes came again."""
    sha256 = some_sha256()
    story, double = Story(sha256=sha256), Story(sha256=sha256)
    await ways_in.hear(story.started(), story.completed(), story.broken())
    await ways_in.hear(double.started(), double.completed())
    return story


async def test_facts_of_a_superseded_run_are_kept_and_move_nothing() -> None:
    catalog = MemoryCatalog()
    ways_in = WaysIn(catalog)
    story = await a_second_run(catalog, ways_in)
    await ways_in.hear(
        story.probed(run=1), story.ready("mp3-192", run=1), story.failed("aac-128", run=1),
        story.finished(run=1), story.broken(run=1),
    )  # fmt: skip
    asset = catalog.rows[story.asset_id]
    assert asset.state is State.PROCESSING
    assert len(asset.keys()) == 2
    await ways_in.hear(story.probed(run=2), story.ready("mp3-192", run=2))
    assert catalog.rows[story.asset_id].state is State.READY


async def test_a_second_object_for_the_same_rendition_is_condemned() -> None:
    catalog, story = MemoryCatalog(), Story()
    ways_in = WaysIn(catalog)
    await ways_in.hear(story.to_ready())
    before = catalog.rows[story.asset_id].keys()
    await ways_in.hear(story.ready("mp3-192"))
    assert catalog.rows[story.asset_id].keys() == before
    assert types(catalog.outbox)[-1] == "asset.objects-purge-due"


async def test_a_key_declared_for_a_deleted_asset_is_condemned_and_never_served() -> None:
    catalog, story = MemoryCatalog(), Story()
    ways_in = WaysIn(catalog)
    await ways_in.hear(story.started(), story.completed(), story.probed(), story.withdrawn())
    await ways_in.hear(story.ready("mp3-192"), story.finished())
    asset = catalog.rows[story.asset_id]
    assert asset.state is State.DELETED
    assert {item.state for item in asset.renditions} == {
        RenditionState.PLANNED,
        RenditionState.CONDEMNED,
    }
    assert types(catalog.outbox)[-1] == "asset.objects-purge-due"


async def test_a_flagged_original_is_failed_and_purged_at_once() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.to_ready(), story.flagged())
    asset = catalog.rows[story.asset_id]
    assert (asset.state, asset.reason) == (State.PURGING, "flagged")
    assert types(catalog.outbox)[-3:] == ["asset.failed", "asset.purge-due", "state.asset"]
    assert catalog.entries == {}


async def test_a_fact_about_an_asset_not_heard_of_yet_is_asked_for_again() -> None:
    with pytest.raises(NotYet, match="not known"):
        await WaysIn(MemoryCatalog()).hear(Story().probed())


async def test_a_fact_of_a_run_not_asked_for_yet_is_asked_for_again() -> None:
    catalog, story = MemoryCatalog(), Story()
    ways_in, probed = WaysIn(catalog), story.probed()
    await ways_in.hear(story.started())
    with pytest.raises(NotYet, match="run"):
        await ways_in.hear(probed)
    await ways_in.hear(story.completed(), probed, story.ready("mp3-192"))
    assert catalog.rows[story.asset_id].state is State.READY
    with pytest.raises(NotYet, match="run"):
        await ways_in.hear(story.probed(run=2))
