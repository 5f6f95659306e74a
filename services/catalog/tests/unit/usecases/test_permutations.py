"""Facts in any order between two commands, and told again at any later moment: the same rows."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from services.catalog.tests.life import COMMANDS, Life, Tell, comparable
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story
from services.catalog.tests.ways_in import told

from common.events import Received
from common.events.topics import ASSETS
from common.testing.clock import ManualClock

FACTS: Sequence[Tell] = (
    Story.started,
    lambda s: s.named("a.flac"),
    Story.completed,
    Story.probed,
    lambda s: s.ready("mp3-192"),
    lambda s: s.tagged(title="A"),
    lambda s: s.ready("aac-128"),
    Story.unnamed,
    Story.finished,
)
PURGED: Sequence[Tell] = (Story.object_purged, Story.purged)

Segment = tuple[list[Received], str]
"""Facts that any order may bring, and the command after them."""


@st.composite
def histories(draw: st.DrawFn) -> tuple[Story, list[Segment]]:
    """The life of one asset, cut by commands; it may end in the janitor's facts."""
    story = Story()
    facts = [tell(story) for tell in FACTS]
    cuts = sorted(draw(st.lists(st.integers(0, len(facts)), max_size=4)))
    edges = [0, *cuts, len(facts)]
    commands = [draw(st.sampled_from(COMMANDS[:3])) for _ in edges[1:]]
    segments = [
        (facts[start:end], command)
        for start, end, command in zip(edges, edges[1:], commands, strict=False)
    ]
    if draw(st.booleans()):
        ending = [tell(story) for tell in PURGED]
        segments += [([], "delete"), ([], "end_grace"), (ending, "delete")]
    return story, segments


@st.composite
def shuffled(draw: st.DrawFn) -> tuple[Story, list[Segment], list[Segment]]:
    """The same history in its order, and with every segment mixed up and old facts told again."""
    story, segments = draw(histories())
    mixed: list[Segment] = []
    past: list[Received] = []
    for facts, command in segments:
        past += facts
        again = draw(st.lists(st.sampled_from(past), max_size=3)) if past else []
        mixed.append((draw(st.permutations([*facts, *again])), command))
    return story, segments, mixed


async def played(story: Story, segments: Sequence[Segment]) -> Life:
    life = Life(MemoryCatalog(ManualClock()), [story])
    for facts, command in segments:
        for received in facts:
            await life.tell(received)
            await life.drain()
        assert life.waiting == []
        await life.command(command, story)
    return life


def results(life: Life, story: Story) -> tuple[Any, ...]:
    """Rows, library, names, and the facts told; a state record also tells what was read by then."""
    facts = [item for item in told(life.catalog.outbox) if item[0] == ASSETS.name]
    row = comparable(life.catalog.rows.get(story.asset_id))
    return row, life.catalog.entries, life.catalog.details, facts


@settings(deadline=None)
@given(shuffled())
async def test_any_order_between_commands_ends_in_the_same_rows(
    both: tuple[Story, list[Segment], list[Segment]],
) -> None:
    story, segments, mixed = both
    straight = await played(story, segments)
    assert results(await played(story, mixed), story) == results(straight, story)
