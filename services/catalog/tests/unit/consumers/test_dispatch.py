from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import OWNER, Story
from services.catalog.tests.ways_in import WaysIn

from catalog.consumers.dispatch import dispatch
from common.events import UploadsErased
from common.telemetry.metrics import Metrics


async def test_a_fact_without_a_use_case_is_counted_and_left() -> None:
    metrics, story = Metrics("catalog"), Story()
    await dispatch("catalog.uploads", {}, metrics)(story.started())
    name, labels = "media_catalog_facts_total", {"group": "catalog.uploads", "outcome": "ignored"}
    assert metrics.registry.get_sample_value(name, labels) == 1


async def test_a_fact_about_a_person_is_no_fact_about_an_asset() -> None:
    catalog, story = MemoryCatalog(), Story()
    ways_in = WaysIn(catalog)
    await ways_in.hear(story.tell(UploadsErased(user_id=OWNER)))
    assert ways_in.outcomes("ignored") == 1
    assert catalog.rows == {}


async def test_what_became_of_each_fact_is_counted() -> None:
    catalog, story = MemoryCatalog(), Story()
    ways_in = WaysIn(catalog)
    started = story.started()
    await ways_in.hear(started, started)
    assert (ways_in.outcomes("applied"), ways_in.outcomes("duplicate")) == (1, 1)
