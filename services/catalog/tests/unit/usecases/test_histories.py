"""Any history, told again in any part at any later moment, leaves the same rows and outbox."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story, some_sha256
from services.catalog.tests.ways_in import WaysIn, told, types

from common.errors import NotYet
from common.events import Received
from common.events.topics import ASSETS

Step = Callable[[Story], Received]

BEFORE: list[list[Step]] = [
    [Story.started, Story.aborted],
    [Story.started, Story.rejected],
    [Story.started, Story.expired],
    [Story.started, Story.completed, Story.broken],
    [Story.started, Story.completed, Story.probed, lambda s: s.failed("mp3-192"), Story.finished],
    [Story.started, Story.completed, Story.probed, lambda s: s.ready("mp3-192")],
    [Story.started, Story.completed, lambda s: s.probed(())],
    [Story.started, Story.completed, Story.probed, Story.flagged],
]
AFTER: list[list[Step]] = [
    [],
    [Story.withdrawn, lambda s: s.ready("aac-128"), Story.finished],
    [lambda s: s.named("a.flac"), lambda s: s.tagged(title="A"), Story.unnamed],
    [Story.flagged, Story.object_purged, Story.purged, lambda s: s.ready("aac-128")],
]


@st.composite
def histories(draw: st.DrawFn) -> list[Received]:
    """Two uploads of the same bytes, their facts interleaved as two partitions may be."""
    sha256 = some_sha256()
    lanes = [
        [step(story) for step in draw(st.sampled_from(BEFORE)) + draw(st.sampled_from(AFTER))]
        for story in (Story(sha256=sha256), Story(sha256=sha256))
    ]
    merged: list[Received] = []
    while any(lanes):
        lane = draw(st.sampled_from([lane for lane in lanes if lane]))
        merged.append(lane.pop(0))
    return merged


@st.composite
def histories_told_again(draw: st.DrawFn) -> tuple[list[Received], list[Received]]:
    history = draw(histories())
    again: list[Received] = []
    for position, received in enumerate(history):
        again.append(received)
        repeats = st.lists(st.integers(0, position), max_size=3)
        again += [history[index] for index in draw(repeats)]
    return history, again


async def played(history: list[Received]) -> tuple[Any, ...]:
    catalog = MemoryCatalog()
    await WaysIn(catalog).hear(history)
    return catalog.rows, catalog.entries, catalog.details, told(catalog.outbox)


@settings(deadline=None)
@given(histories_told_again())
async def test_facts_told_again_change_nothing(
    both: tuple[list[Received], list[Received]],
) -> None:
    once, again = both
    assert await played(once) == await played(again)


def whole_life() -> list[Received]:
    """One asset from its upload to the last of its objects, told by three topics."""
    story = Story()
    return [*story.to_ready(), story.flagged(), story.object_purged(), story.purged()]


async def played_as_it_comes(facts: Sequence[Received]) -> tuple[Any, ...]:
    """What cannot be taken yet waits, as in its rows, and is tried again after each that was."""
    catalog, waiting = MemoryCatalog(), list[Received]()
    ways_in = WaysIn(catalog)
    for received in facts:
        waiting.append(received)
        taken = True
        while taken:
            taken = False
            for item in list(waiting):
                with suppress(NotYet):
                    await ways_in.hear(item)
                    waiting.remove(item)
                    taken = True
    assert waiting == []
    return results(catalog)


def results(catalog: MemoryCatalog) -> tuple[Any, ...]:
    """Rows and facts; a state record also tells what was read by then, in whatever order."""
    facts = [item for item in told(catalog.outbox) if item[0] == ASSETS.name]
    return catalog.rows, catalog.entries, facts, types(catalog.outbox)


@settings(deadline=None)
@given(st.data())
async def test_facts_in_any_order_and_told_again_end_in_the_same_rows(data: st.DataObject) -> None:
    history = whole_life()
    again = data.draw(st.lists(st.sampled_from(history), max_size=5))
    shuffled = data.draw(st.permutations([*history, *again]))
    straight = MemoryCatalog()
    await WaysIn(straight).hear(history)
    assert await played_as_it_comes(shuffled) == results(straight)


@settings(deadline=None)
@given(histories())
async def test_what_is_told_is_numbered_without_gaps(history: list[Received]) -> None:
    catalog = MemoryCatalog()
    await WaysIn(catalog).hear(history)
    last: dict[tuple[str, str], int] = {}
    for message in catalog.outbox:
        place = (message.topic, message.key)
        assert message.envelope.sequence == last.get(place, 0) + 1
        last[place] = message.envelope.sequence
    assert all(
        row.facts == last.get(("media.assets.v1", str(key)), 0) for key, row in catalog.rows.items()
    )
