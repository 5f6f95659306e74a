import asyncio
from datetime import UTC, datetime

import pytest
from gateway_support.bench import OWNER, STRANGER

from common.errors import Unavailable
from common.ids import UserId, new_asset_id, new_upload_id
from upload_gateway.adapters.memory_streams import MemoryListener, MemoryStreams
from upload_gateway.domain.errors import StreamOver, TooManyStreams
from upload_gateway.domain.telling import Entry, News, Told

SOON = 5.0  # seconds


def news(number: int) -> News:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    entry = Entry(OWNER, new_upload_id(), new_asset_id(), at, "upload", "created")
    return News((Told(number, entry),))


async def refused(streams: MemoryStreams, user_id: UserId) -> object:
    """Which limit it met."""
    with pytest.raises(TooManyStreams) as found:
        async with streams.open(user_id):
            raise AssertionError("there was a place")
    return found.value.extensions["limit"]


async def over(listener: MemoryListener) -> None:
    with pytest.raises(StreamOver):
        await listener.heard(SOON)


async def test_a_slow_reader_is_asked_again_once_it_has_read_and_from_where_it_stands() -> None:
    streams = MemoryStreams(1, 1)
    async with streams.open(OWNER) as listener:
        assert streams.waiting() == []
        listener.begin(6)
        assert streams.waiting() == [listener]
        said = news(7)
        listener.take(said)
        assert (streams.waiting(), listener.after) == ([], 7)
        assert await listener.heard(SOON) is said
        assert streams.waiting() == [listener]


async def test_silence_is_told_after_the_patience() -> None:
    async with MemoryStreams(1, 1).open(OWNER) as listener:
        listener.begin(0)
        listener.take(News())
        assert await listener.heard(0.01) is None


async def test_places_are_bounded_for_one_person_and_for_all_and_come_back() -> None:
    streams = MemoryStreams(per_person=2, total=3)
    async with streams.open(OWNER), streams.open(OWNER), streams.open(STRANGER):
        assert await refused(streams, OWNER) == "streams_per_user"
        assert await refused(streams, STRANGER) == "streams_total"
    async with streams.open(OWNER):
        assert streams.count == 1


async def test_an_end_reaches_readers_that_wait_and_whoever_comes_later() -> None:
    streams = MemoryStreams(1, 2)
    async with streams.open(OWNER) as listener, asyncio.TaskGroup() as group:
        group.create_task(over(listener))
        await asyncio.sleep(0)
        streams.end()
    with pytest.raises(Unavailable):
        async with streams.open(OWNER):
            raise AssertionError("there was a place")
