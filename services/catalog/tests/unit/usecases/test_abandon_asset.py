import pytest
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story
from services.catalog.tests.ways_in import WaysIn

from catalog.domain.states import State


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("rejected", "not_media"), ("aborted", "aborted"), ("expired", "expired")],
)
async def test_an_upload_that_ended_without_bytes_is_abandoned(ending: str, reason: str) -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.started(), getattr(story, ending)())
    asset = catalog.rows[story.asset_id]
    assert (asset.state, asset.reason) == (State.ABANDONED, reason)
    assert catalog.outbox == []


async def test_an_end_told_after_the_bytes_were_registered_takes_nothing_back() -> None:
    catalog, story = MemoryCatalog(), Story()
    await WaysIn(catalog).hear(story.started(), story.completed(), story.expired())
    assert catalog.rows[story.asset_id].state is State.PROCESSING
