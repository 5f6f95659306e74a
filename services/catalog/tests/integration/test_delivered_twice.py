from dataclasses import replace

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.story import Story, some_sha256

from catalog.usecases.end_grace import EndGrace
from common.errors import Corrupt, NotYet
from common.events import RenditionReady

pytestmark = pytest.mark.integration


async def test_every_event_delivered_twice_changes_neither_rows_nor_outbox(
    catalog: RealCatalog,
) -> None:
    sha256 = some_sha256()
    first, double, lost = Story(sha256=sha256), Story(sha256=sha256), Story()
    heard = [
        *first.to_ready(), first.named("song.flac"), first.tagged(title="Song"),
        double.started(), double.completed(), double.purged(),
        lost.started(), lost.rejected(),
        first.withdrawn(), first.ready("mp3-192"),
    ]  # fmt: skip
    for received in heard:
        await catalog.ways_in.hear(received)
        before = await catalog.tables()
        await catalog.ways_in.hear(received)
        assert await catalog.tables() == before
    await catalog.end_all_graces()
    assert await EndGrace(catalog.transactions)()
    heard += [first.object_purged(), first.purged(), first.unnamed()]
    await catalog.ways_in.hear(heard)
    before = await catalog.tables()
    await catalog.ways_in.hear(heard, reversed(heard))
    assert await catalog.tables() == before
    assert catalog.ways_in.outcomes("waiting") == 0


async def test_a_fact_that_cannot_be_applied_yet_leaves_no_trace(catalog: RealCatalog) -> None:
    before = await catalog.tables()
    with pytest.raises(NotYet):
        await catalog.ways_in.hear(Story().probed())
    assert await catalog.tables() == before


async def test_an_object_declared_for_two_assets_is_refused_as_corrupt(
    catalog: RealCatalog,
) -> None:
    one, other = Story(), Story()
    await catalog.ways_in.hear(one.to_ready(), other.started(), other.completed(), other.probed())
    ready = other.ready("mp3-192")
    made = ready.event
    assert isinstance(made, RenditionReady)
    taken = (await catalog.asset(one.asset_id)).keys()[1]
    with pytest.raises(Corrupt):
        await catalog.ways_in.hear(replace(ready, event=made.model_copy(update={"key": taken})))
