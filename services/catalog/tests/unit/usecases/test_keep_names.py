from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story
from services.catalog.tests.ways_in import WaysIn


async def test_names_may_come_before_the_asset() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.named("song.flac"), story.tagged(title="Song"))
    await WaysIn(catalog).hear(story.started())
    view = await catalog.find(story.asset_id)
    assert view is not None
    assert (view.file_name, view.tags) == ("song.flac", {"title": "Song"})


async def test_an_older_record_never_replaces_a_newer_one() -> None:
    catalog, story = MemoryCatalog(), Story()
    old, new = story.named("old.flac"), story.named("new.flac")
    ways_in = WaysIn(catalog)
    await ways_in.hear(story.started(), new, old)
    view = await catalog.find(story.asset_id)
    assert view is not None
    assert view.file_name == "new.flac"
    assert ways_in.outcomes("duplicate") == 1


async def test_a_tombstone_takes_the_name_back_and_nothing_older_returns() -> None:
    catalog, story = MemoryCatalog(), Story()
    named = story.named("song.flac")
    await WaysIn(catalog).hear(story.started(), named, story.unnamed(), named)
    view = await catalog.find(story.asset_id)
    assert view is not None
    assert view.file_name is None
