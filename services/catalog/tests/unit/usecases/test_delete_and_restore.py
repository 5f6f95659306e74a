from datetime import timedelta

import pytest
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story, some_sha256
from services.catalog.tests.ways_in import WaysIn, types

from catalog.domain.errors import VersionMismatch
from catalog.domain.states import State
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.end_grace import EndGrace
from catalog.usecases.restore_asset import RestoreAsset
from common.errors import Conflict, Gone, NotFound, NotYet
from common.ids import new_asset_id
from common.testing.clock import ManualClock

GRACE = timedelta(days=30)


class Desk:
    """A catalog with one clock and its commands at hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.catalog = MemoryCatalog(self.clock)
        self.ways_in = WaysIn(self.catalog)
        self.delete = DeleteAsset(self.catalog, GRACE)
        self.restore = RestoreAsset(self.catalog)
        self.end_grace = EndGrace(self.catalog)


async def ready(desk: Desk, sha256: str | None = None) -> Story:
    story = Story(sha256=sha256)
    await desk.ways_in.hear(story.to_ready())
    return story


async def test_delete_hides_under_a_new_generation_and_says_until_when() -> None:
    desk = Desk()
    story = await ready(desk)
    deleted = await desk.delete(story.asset_id)
    assert (deleted.state, deleted.generation) == (State.DELETED, 2)
    assert deleted.restorable_until == desk.clock.now() + GRACE
    assert types(desk.catalog.outbox)[-2:] == ["asset.deleted", "state.asset"]


async def test_deleting_or_restoring_twice_is_the_same_as_once() -> None:
    desk = Desk()
    story = await ready(desk)
    assert await desk.delete(story.asset_id) == await desk.delete(story.asset_id)
    assert await desk.restore(story.asset_id) == await desk.restore(story.asset_id)
    assert types(desk.catalog.outbox).count("asset.deleted") == 1
    assert types(desk.catalog.outbox).count("asset.restored") == 1


async def test_restore_brings_a_ready_asset_back_under_a_third_generation() -> None:
    desk = Desk()
    story = await ready(desk)
    await desk.delete(story.asset_id)
    back = await desk.restore(story.asset_id)
    assert (back.state, back.generation, back.deleted_at) == (State.READY, 3, None)
    assert types(desk.catalog.outbox)[-2:] == ["asset.restored", "state.asset"]


async def test_restore_asks_again_for_a_run_that_the_delete_cut_short() -> None:
    desk, story = Desk(), Story()
    await desk.ways_in.hear(story.started(), story.completed(), story.probed())
    await desk.delete(story.asset_id)
    back = await desk.restore(story.asset_id)
    assert (back.state, back.run_id) == (State.PROCESSING, story.run(2))


async def test_a_failed_asset_comes_back_failed_with_its_reason() -> None:
    desk, story = Desk(), Story()
    await desk.ways_in.hear(story.started(), story.completed(), story.broken("truncated"))
    await desk.delete(story.asset_id)
    back = await desk.restore(story.asset_id)
    assert (back.state, back.reason, back.run) == (State.FAILED, "truncated", 1)


async def test_restore_is_refused_while_the_same_bytes_live_as_another_asset() -> None:
    desk, sha256 = Desk(), some_sha256()
    first = await ready(desk, sha256)
    await desk.delete(first.asset_id)
    second = await ready(desk, sha256)
    with pytest.raises(Conflict) as refused:
        await desk.restore(first.asset_id)
    assert refused.value.code == "duplicate_of"
    assert refused.value.extensions == {"duplicate_of": str(second.asset_id)}
    assert desk.catalog.rows[first.asset_id].state is State.DELETED


async def test_the_grace_ends_once_and_names_every_key() -> None:
    desk = Desk()
    story = await ready(desk)
    await desk.delete(story.asset_id)
    assert not await desk.end_grace()
    desk.clock.advance(GRACE.total_seconds())
    assert await desk.end_grace()
    assert not await desk.end_grace()
    due = desk.catalog.outbox[-2].payload or b""
    keys = desk.catalog.rows[story.asset_id].keys()
    assert len(keys) == 3
    assert all(key.encode() in due for key in keys)
    with pytest.raises(Gone):
        await desk.restore(story.asset_id)
    with pytest.raises(Gone):
        await desk.delete(story.asset_id)


async def test_until_the_sweep_took_it_a_deleted_asset_comes_back() -> None:
    desk = Desk()
    story = await ready(desk)
    await desk.delete(story.asset_id)
    desk.clock.advance(GRACE.total_seconds())
    assert (await desk.restore(story.asset_id)).state is State.READY
    assert not await desk.end_grace()


async def test_a_purge_closes_the_row_and_forgets_the_names() -> None:
    desk = Desk()
    story = await ready(desk)
    await desk.ways_in.hear(story.named("song.flac"), story.tagged(title="Song"))
    await desk.delete(story.asset_id)
    desk.clock.advance(GRACE.total_seconds())
    await desk.end_grace()
    await desk.ways_in.hear(story.object_purged(), story.purged(), story.named("late.flac"))
    assert desk.catalog.rows[story.asset_id].state is State.PURGED
    assert {(kept.file_name, len(kept.tags)) for kept in desk.catalog.details.values()} == {
        (None, 0)
    }
    assert desk.catalog.outbox[-1].payload is None


async def test_purged_said_of_a_living_asset_waits_for_what_let_it_go() -> None:
    desk = Desk()
    story = await ready(desk)
    before = len(desk.catalog.outbox)
    with pytest.raises(NotYet, match="no purge"):
        await desk.ways_in.hear(story.purged())
    assert desk.catalog.rows[story.asset_id].state is State.READY
    assert len(desk.catalog.outbox) == before


async def test_a_command_on_an_old_version_is_refused() -> None:
    desk = Desk()
    story = await ready(desk)
    version = desk.catalog.rows[story.asset_id].version
    with pytest.raises(VersionMismatch):
        await desk.delete(story.asset_id, expected=version - 1)
    await desk.delete(story.asset_id, expected=version)


async def test_a_running_upload_is_neither_deleted_nor_restored() -> None:
    desk, story = Desk(), Story()
    await desk.ways_in.hear(story.started())
    for command in (desk.delete, desk.restore):
        with pytest.raises(Conflict) as refused:
            await command(story.asset_id)
        assert refused.value.code == "upload_unfinished"


async def test_an_id_never_heard_of_is_not_found() -> None:
    desk = Desk()
    for command in (desk.delete, desk.restore):
        with pytest.raises(NotFound):
            await command(new_asset_id())


async def test_withdrawing_an_alias_leaves_the_asset_that_stands_for_it() -> None:
    desk, sha256 = Desk(), some_sha256()
    first, second = await ready(desk, sha256), Story(sha256=sha256)
    await desk.ways_in.hear(second.started(), second.completed(), second.withdrawn())
    assert desk.catalog.rows[first.asset_id].state is State.READY
    assert desk.catalog.rows[second.asset_id].state is State.PURGING
