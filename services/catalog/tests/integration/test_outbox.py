import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.story import Story
from services.catalog.tests.ways_in import GRACE

from catalog.usecases.delete_asset import DeleteAsset
from common.telemetry.tracing import span_from

pytestmark = pytest.mark.integration

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def test_facts_of_a_command_go_on_in_the_trace_of_its_request(catalog: RealCatalog) -> None:
    story = Story()
    await catalog.ways_in.hear(story.to_ready())
    with span_from(f"00-{TRACE}-00f067aa0ba902b7-01", "DELETE request"):
        await DeleteAsset(catalog.transactions, GRACE)(story.asset_id)
    rows = (await catalog.tables())["outbox"]
    traced = {row["type"] for row in rows if TRACE in row["headers"].get("traceparent", "")}
    assert traced == {"reprise.asset.deleted.v1", "reprise.state.asset.v1"}


async def test_what_a_fact_led_to_names_it_as_its_cause(catalog: RealCatalog) -> None:
    story = Story()
    started, completed = story.started(), story.completed()
    await catalog.ways_in.hear(started, completed)
    causes = {row["headers"]["ce_causationid"] for row in (await catalog.tables())["outbox"]}
    assert causes == {str(completed.envelope.id)}


async def test_no_fact_carries_a_name(catalog: RealCatalog) -> None:
    story = Story()
    await catalog.ways_in.hear(
        story.named("my secret song.flac"), story.tagged(title="secret"), story.to_ready()
    )
    outbox = (await catalog.tables())["outbox"]
    assert outbox
    assert not [row for row in outbox if b"secret" in row["payload"]]
