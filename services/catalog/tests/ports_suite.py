"""What every implementation of the catalog's ports must do; run by the memory and by Postgres."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from services.catalog.tests.story import FLAC, OWNER, STRANGER, Story, some_sha256
from services.catalog.tests.ways_in import WaysIn

from catalog.domain.asset import Change
from catalog.domain.details import Details
from catalog.domain.registering import expected, stored
from catalog.domain.states import State
from catalog.domain.viewing import LISTED
from catalog.ports import AssetFilter, AssetReader, Transactions
from common.errors import Conflict
from common.events import UploadCompleted
from common.ids import AssetId, new_asset_id
from common.testing.clock import ManualClock

NOW = ManualClock().now()
ALL = AssetFilter()


@dataclass(frozen=True)
class Ports:
    """One implementation of all of them, empty."""

    transactions: Transactions
    reader: AssetReader


Promise = Callable[[Ports], Awaitable[None]]
PROMISES: list[Promise] = []


def promise(test: Promise) -> Promise:
    """Add to the suite."""
    PROMISES.append(test)
    return test


def arrived(story: Story) -> Any:
    """An asset whose bytes are stored, not decided on yet."""
    fact = story.completed().event
    assert isinstance(fact, UploadCompleted)
    return stored(expected(fact, at=NOW), fact, at=NOW)


async def created(ports: Ports, story: Story) -> Any:
    async with ports.transactions.open() as work:
        return await work.assets.lock_or_create(arrived(story))


@promise
async def an_asset_comes_back_as_it_was_saved(ports: Ports) -> None:
    story = Story()
    await WaysIn(ports.transactions).hear(story.to_ready(), story.withdrawn())
    found = await ports.reader.find(story.asset_id)
    assert found is not None
    async with ports.transactions.open() as work:
        locked = await work.assets.lock(story.asset_id)
        assert locked is not None
        again = await work.assets.save(Change(locked, seen=False), None)
    for asset in (found.asset, again):
        ordered = replace(asset, renditions=tuple(sorted(asset.renditions, key=lambda r: r.name)))
        assert ordered.state is State.DELETED
        assert ordered.state_before is State.READY
        assert ordered.media == FLAC
        assert [item.name for item in ordered.renditions] == ["aac-128", "mp3-192"]
        assert ordered.restorable_until is not None
        assert ordered.applied == {"media.uploads.v1": 3, "media.renditions.v1": 4}


@promise
async def an_unknown_id_is_none(ports: Ports) -> None:
    assert await ports.reader.find(new_asset_id()) is None
    async with ports.transactions.open() as work:
        assert await work.assets.lock(new_asset_id()) is None
        assert await work.assets.lock_due() is None


@promise
async def the_row_that_is_there_is_never_replaced(ports: Ports) -> None:
    first = await created(ports, Story())
    async with ports.transactions.open() as work:
        again = await work.assets.lock_or_create(replace(first, key="u/other"))
    assert again == first


@promise
async def an_exception_undoes_the_whole_transaction(ports: Ports) -> None:
    story = Story()

    async def fail_late() -> None:
        async with ports.transactions.open() as work:
            asset = await work.assets.lock_or_create(arrived(story))
            await work.library.admit(asset)
            await work.names.keep(Details(asset_id=story.asset_id, source="x", sequence=1))
            raise Conflict("no")

    with pytest.raises(Conflict):
        await fail_late()
    assert await ports.reader.find(story.asset_id) is None
    assert await ports.reader.stored(OWNER, [story.sha256]) == {}


@promise
async def the_library_keeps_who_came_first_until_they_leave(ports: Ports) -> None:
    sha256 = some_sha256()
    first, second, other = (
        Story(sha256=sha256),
        Story(sha256=sha256),
        Story(sha256=sha256, owner=STRANGER),
    )
    one, two, three = [await created(ports, story) for story in (first, second, other)]
    async with ports.transactions.open() as work:
        assert await work.library.admit(one) == one.asset_id
        assert await work.library.admit(two) == one.asset_id
        assert await work.library.admit(three) == three.asset_id
        assert await work.library.admit(one) == one.asset_id
    assert await ports.reader.stored(OWNER, [sha256, some_sha256()]) == {sha256: one.asset_id}
    assert await ports.reader.stored(STRANGER, [sha256]) == {sha256: three.asset_id}
    async with ports.transactions.open() as work:
        await work.library.release(one.asset_id)
        await work.library.release(one.asset_id)
        assert await work.library.admit(two) == two.asset_id


@promise
async def names_are_kept_by_sequence_and_erased_for_good(ports: Ports) -> None:
    story = Story()
    await created(ports, story)
    named = Details(asset_id=story.asset_id, source="upload-gateway", sequence=2, file_name="b")
    tagged = Details(asset_id=story.asset_id, source="transcoder", sequence=1, tags={"a": "b"})
    async with ports.transactions.open() as work:
        assert await work.names.keep(named)
        assert await work.names.keep(tagged)
        assert not await work.names.keep(replace(named, sequence=1, file_name="a"))
        assert not await work.names.keep(named)
    found = await ports.reader.find(story.asset_id)
    assert found is not None
    assert (found.file_name, found.tags) == ("b", {"a": "b"})
    async with ports.transactions.open() as work:
        await work.names.erase(story.asset_id)
        assert not await work.names.keep(named)
    found = await ports.reader.find(story.asset_id)
    assert found is not None
    assert (found.file_name, found.tags) == (None, {})


@promise
async def pages_hold_every_asset_once_newest_first(ports: Ports) -> None:
    made = [(await created(ports, Story())).asset_id for _ in range(7)]
    seen: list[AssetId] = []
    after: AssetId | None = None
    while page := await ports.reader.page(ALL, after=after, limit=3):
        seen += [view.asset.asset_id for view in page]
        after = seen[-1]
    assert seen == sorted(made, reverse=True)


@promise
async def a_page_holds_only_what_was_chosen(ports: Ports) -> None:
    mine, theirs, gone = Story(), Story(owner=STRANGER), Story()
    ways_in = WaysIn(ports.transactions)
    await ways_in.hear(mine.to_ready(), theirs.to_ready(), gone.started(), gone.aborted())

    async def ids(chosen: AssetFilter) -> set[AssetId]:
        page = await ports.reader.page(chosen, after=None, limit=10)
        return {view.asset.asset_id for view in page}

    assert await ids(AssetFilter(owner=OWNER)) == {mine.asset_id, gone.asset_id}
    assert await ids(AssetFilter(owner=OWNER, states=LISTED)) == {mine.asset_id}
    assert await ids(AssetFilter(states=frozenset({State.ABANDONED}))) == {gone.asset_id}
    assert await ids(ALL) == {mine.asset_id, theirs.asset_id, gone.asset_id}
