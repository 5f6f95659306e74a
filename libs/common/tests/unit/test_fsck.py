from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from common.fsck import side_by_side

streams = st.lists(st.dictionaries(st.integers(0, 30), st.text(max_size=3)), max_size=4)


async def placed(items: dict[int, str]) -> AsyncIterator[tuple[int, str]]:
    for place in sorted(items):
        yield place, items[place]


@given(streams)
async def test_streams_come_side_by_side_each_place_once(items: list[dict[int, str]]) -> None:
    found = [row async for row in side_by_side([placed(one) for one in items])]
    places = sorted({place for one in items for place in one})
    assert found == [(place, tuple(one.get(place) for one in items)) for place in places]


async def test_of_a_repeated_place_the_first_counts() -> None:
    async def twice() -> AsyncIterator[tuple[int, str]]:
        for pair in ((1, "a"), (1, "b"), (2, "c")):
            yield pair

    assert [row async for row in side_by_side([twice()])] == [(1, ("a",)), (2, ("c",))]
