"""Random lives of a few assets: facts of the other services and commands, drawn by hypothesis."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import strategies as st
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story, some_sha256
from services.catalog.tests.ways_in import GRACE, WaysIn

from catalog.domain.asset import Asset
from catalog.domain.states import State
from catalog.ports import Transactions
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.end_grace import EndGrace
from catalog.usecases.restore_asset import RestoreAsset
from common.clock import SystemClock
from common.errors import NotYet, RepriseError
from common.events import Received
from common.testing.clock import ManualClock

Tell = Callable[[Story], Received]

BEGINNINGS: Sequence[Sequence[Tell]] = (
    (Story.started, Story.aborted),
    (Story.started, Story.rejected),
    (Story.started,),
    (Story.started, Story.completed),
    (Story.started, Story.completed, Story.broken),
    (Story.started, Story.completed, lambda s: s.probed(())),
    (Story.started, Story.completed, Story.probed, lambda s: s.failed("mp3-192"), Story.finished),
    (Story.started, Story.completed, Story.probed, lambda s: s.ready("mp3-192")),
    (
        Story.started,
        Story.completed,
        Story.probed,
        lambda s: s.ready("mp3-192"),
        lambda s: s.ready("aac-128"),
        Story.finished,
    ),
    (Story.started, Story.completed, Story.probed, Story.flagged),
)
ENDINGS: Sequence[Sequence[Tell]] = (
    (),
    (Story.withdrawn,),
    (lambda s: s.ready("aac-128"), Story.finished),
    (lambda s: s.failed("aac-128"), Story.finished),
    (lambda s: s.named("a.flac"), lambda s: s.tagged(title="A")),
    (Story.flagged,),
)
Steps = list[tuple[int, str | Tell]]
COMMANDS = ("delete", "restore", "end_grace", "janitor")


@dataclass
class Life:
    """A catalog, and the log of what the others told it."""

    catalog: MemoryCatalog
    stories: list[Story]
    transactions: Transactions | None = None
    grace: timedelta = GRACE
    inputs: list[Received] = field(default_factory=list)
    waiting: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.work = self.transactions or self.catalog
        self.ways_in = WaysIn(self.work)

    @property
    def clock(self) -> ManualClock:
        assert isinstance(self.catalog.clock, ManualClock)
        return self.catalog.clock

    async def tell(self, received: Received) -> None:
        """A fact reaches the log, then the catalog; one that comes too early waits."""
        self.inputs.append(received)
        self.waiting.append(received)
        for item in list(self.waiting):
            await self._hear(item)

    async def drain(self) -> None:
        """Try what waits until nothing more is taken, as the rows of a parking are."""
        while any([await self._hear(item) for item in list(self.waiting)]):
            pass

    async def _hear(self, item: Received) -> bool:
        try:
            await self.ways_in.hear(item)
        except NotYet:
            return False
        self.waiting.remove(item)
        return True

    async def command(self, name: str, story: Story) -> None:
        """An operator, a sweep or the janitor acts; what is refused changes nothing."""
        actions: dict[str, Callable[[], Awaitable[object]]] = {
            "delete": lambda: DeleteAsset(self.work, self.grace)(story.asset_id),
            "restore": lambda: RestoreAsset(self.work)(story.asset_id),
            "end_grace": self._end_grace,
            "janitor": lambda: self._janitor(story),
        }
        try:
            await actions[name]()
        except RepriseError:
            return

    async def _end_grace(self) -> None:
        self.clock.advance((GRACE + timedelta(days=1)).total_seconds())
        await EndGrace(self.work)()

    async def _janitor(self, story: Story) -> None:
        async with self.work.open() as work:
            asset = await work.assets.lock(story.asset_id)
        if asset is not None and asset.state is State.PURGING:
            await self.tell(story.object_purged())
            await self.tell(story.purged())


@st.composite
def lives(draw: st.DrawFn) -> Steps:
    """Steps of two uploads of the same bytes: which of them, and what happens."""
    lanes: list[list[str | Tell]] = []
    for _ in range(2):
        lane: list[str | Tell] = [
            *draw(st.sampled_from(BEGINNINGS)),
            *draw(st.sampled_from(ENDINGS)),
        ]
        for command in draw(st.lists(st.sampled_from(COMMANDS), max_size=5)):
            lane.insert(draw(st.integers(0, len(lane))), command)
        lanes.append(lane)
    steps: Steps = []
    while any(lanes):
        number = draw(st.sampled_from([n for n, lane in enumerate(lanes) if lane]))
        steps.append((number, lanes[number].pop(0)))
    return steps


def some_steps(seed: int) -> Steps:
    """A life as `lives` draws it, from a seed."""
    chance = random.Random(seed)
    lanes: list[list[str | Tell]] = []
    for _ in range(2):
        lane: list[str | Tell] = [*chance.choice(BEGINNINGS), *chance.choice(ENDINGS)]
        for _ in range(chance.randrange(6)):
            lane.insert(chance.randrange(len(lane) + 1), chance.choice(COMMANDS))
        lanes.append(lane)
    steps: Steps = []
    while any(lanes):
        number = chance.choice([n for n, lane in enumerate(lanes) if lane])
        steps.append((number, lanes[number].pop(0)))
    return steps


def comparable(asset: Asset | None) -> Asset | None:
    """Without the order of renditions, and of the dead without what is lost by design."""
    if asset is None:
        return None
    kept = tuple(sorted(asset.renditions, key=lambda item: (str(item.run), item.name)))
    if asset.state is not State.PURGED:
        return replace(asset, renditions=kept, applied=dict(asset.applied))
    made = tuple(item for item in kept if item.output)
    return replace(asset, renditions=made, applied=dict(asset.applied), version=0)


async def lived(steps: Steps) -> Life:
    """The life of these steps, a second of the clock each."""
    clock, sha256 = ManualClock(), some_sha256()
    life = Life(MemoryCatalog(clock), [Story(sha256=sha256, clock=clock) for _ in range(2)])
    await live(life, steps)
    return life


async def lived_on(transactions: Transactions, steps: Steps) -> Life:
    """The same on the real adapters, whose clock is the database's: a delete's grace is over."""
    sha256, clock = some_sha256(), SystemClock()
    stories = [Story(sha256=sha256, clock=clock) for _ in range(2)]
    life = Life(MemoryCatalog(), stories, transactions, timedelta())
    await live(life, steps)
    return life


async def live(life: Life, steps: Steps) -> None:
    """A second of the clock for each step."""
    for number, step in steps:
        life.clock.advance(1)
        if isinstance(step, str):
            await life.command(step, life.stories[number])
        else:
            await life.tell(step(life.stories[number]))
