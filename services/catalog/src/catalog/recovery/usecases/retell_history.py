"""One asset's history told again, so that its row says what was told and nothing that was not."""

from collections import defaultdict, deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import attrgetter

from catalog.domain.asset import Asset
from catalog.domain.publication import republish
from catalog.domain.states import State
from catalog.recovery.domain.history import History, Played, Retold
from catalog.recovery.ports import Player
from common.clock import Clock
from common.events import Message, Received
from common.events.topics import PURGES, RENDITIONS, UPLOADS

_ORDER = {UPLOADS.name: 0, RENDITIONS.name: 1, PURGES.name: 2}


@dataclass(frozen=True, slots=True)
class RetellHistory:
    """Our own facts lead: each names the fact or, by naming none, the command behind it.

    Facts of others that told nothing are put between them by their time. What would tell something
    new is left for the live use cases; so is what readers would notice, where they hold a record
    that does not know of it.
    """

    player: Player
    clock: Clock

    async def __call__(self, history: History) -> Retold:
        course = _Course(self.player, history)
        while (fact := course.next_told()) is not None:
            await course.catch_up(fact.envelope.time)
            if not await course.explain(fact):
                course.skip(fact)
        await course.catch_up(None)
        return self._result(course, history)

    def _result(self, course: "_Course", history: History) -> Retold:
        asset, untold = course.asset, list(course.untold)
        if asset is not None:
            asset = replace(asset, records=_records(asset, history))
            if _behind(course, history, asset):
                asset, record = republish(asset, clock=self.clock)
                untold += [record] if record else []
        return Retold(
            asset=asset,
            untold=tuple(untold),
            left=course.left(),
            unexplained=course.unexplained,
        )


def _records(asset: Asset, history: History) -> int:
    """How many state records were written.

    The tombstone of an asset purged long ago is gone itself: a number is given that is certainly
    not below its, because each record followed a fact read or a fact told; republished ones are
    allowed for.
    """
    if history.record or asset.state is not State.PURGED:
        return history.record
    return asset.facts + sum(asset.applied.values()) + 1000


def _behind(course: "_Course", history: History, asset: Asset) -> bool:
    """Whether readers must hear of it again: the log has no record that says what the row says."""
    if history.base is not None:
        return course.noticed
    return not history.closed and asset.state is not State.PURGED


@dataclass(slots=True)
class _Course:
    """Where the telling stands."""

    player: Player
    history: History
    asset: Asset | None = field(init=False)
    untold: list[Message] = field(default_factory=list)
    noticed: bool = False
    unexplained: int = 0
    told: dict[int, Received] = field(init=False)
    causes: set[str | None] = field(init=False)
    queues: dict[str, deque[Received]] = field(init=False)

    def __post_init__(self) -> None:
        self.asset = self.history.base
        known = self.asset.facts if self.asset else 0
        told = [fact for fact in self.history.told if fact.envelope.sequence > known]
        self.told = {fact.envelope.sequence: fact for fact in told}
        self.causes = {fact.envelope.causation_id for fact in self.told.values()}
        self.queues = _queues(self.history.inputs, self.causes)

    def next_told(self) -> Received | None:
        """Our next fact; past a hole in our own log the one after it."""
        facts = self.asset.facts if self.asset else 0
        following = [sequence for sequence in self.told if sequence > facts]
        return self.told[min(following)] if following else None

    async def explain(self, fact: Received) -> bool:
        """Apply what led to this fact; False when nothing here does."""
        queue = self._queue_of(fact.envelope.causation_id)
        if queue is None:
            return self.asset is not None and self._keep(
                await self.player.obey(self.asset, fact), telling=fact
            )
        while queue and str(queue[0].envelope.id) != fact.envelope.causation_id:
            if not await self._hear(queue, None):
                return False
        return await self._hear(queue, fact)

    def skip(self, fact: Received) -> None:
        """Take the fact as told although nothing here explains it."""
        self.unexplained += 1
        del self.told[fact.envelope.sequence]
        if self.asset is not None:
            self.asset = replace(self.asset, facts=fact.envelope.sequence)

    async def catch_up(self, until: datetime | None) -> None:
        """Apply what told nothing and happened by then, each topic in its own order."""
        blocked: set[str] = set()
        while (topic := self._earliest(blocked, until)) is not None:
            if await self._hear(self.queues[topic], None):
                blocked.clear()
            else:
                blocked.add(topic)

    def left(self) -> tuple[Received, ...]:
        """What was not applied, topic by topic."""
        return tuple(item for topic in _ORDER for item in self.queues.get(topic, ()))

    def _earliest(self, blocked: set[str], until: datetime | None) -> str | None:
        heads = [
            (queue[0].envelope.time, _ORDER[topic], topic)
            for topic, queue in self.queues.items()
            if queue and topic not in blocked and str(queue[0].envelope.id) not in self.causes
        ]
        due = [head for head in heads if until is None or head[0] <= until]
        return min(due)[2] if due else None

    def _queue_of(self, event_id: str | None) -> deque[Received] | None:
        for queue in self.queues.values():
            if any(str(item.envelope.id) == event_id for item in queue):
                return queue
        return None

    async def _hear(self, queue: deque[Received], telling: Received | None) -> bool:
        received = queue[0]
        if received.event is None:
            return False
        last = self.asset.applied.get(received.event.TOPIC.name, 0) if self.asset else 0
        if received.envelope.sequence > last + 1:
            return False
        if received.envelope.sequence > last:
            played = await self.player.hear(self.asset, received, telling)
            if not self._keep(played, telling=telling):
                return False
        queue.popleft()
        return True

    def _keep(self, played: Played | None, *, telling: Received | None) -> bool:
        """Take the step over if it tells what was told: all of it known, or the end of it cut."""
        if played is None or not self._as_told(played, telling):
            return False
        self.asset = played.asset
        self.untold += [item for item in played.facts if item.envelope.sequence not in self.told]
        self.noticed = self.noticed or played.seen
        return True

    def _as_told(self, played: Played, telling: Received | None) -> bool:
        if telling is None:
            unseen = not played.seen or self.history.base is None
            return not played.facts and unseen
        known = [
            self.told[item.envelope.sequence].envelope.type == item.envelope.type
            for item in played.facts
            if item.envelope.sequence in self.told
        ]
        return bool(known) and all(known)


def _queues(
    inputs: Iterable[Received], causes: Container[str | None]
) -> dict[str, deque[Received]]:
    found: dict[str, dict[int, Received]] = defaultdict(dict)
    for received in inputs:
        if received.event is None:
            continue
        queue, sequence = found[received.event.TOPIC.name], received.envelope.sequence
        # of two with one sequence the first was applied, and the one we told of certainly
        if sequence not in queue or str(received.envelope.id) in causes:
            queue[sequence] = received
    by_sequence = attrgetter("envelope.sequence")
    return {topic: deque(sorted(items.values(), key=by_sequence)) for topic, items in found.items()}
