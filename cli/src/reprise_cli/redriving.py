"""Hands dead letters back to the one group that gave them up, and watches what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

from common.clock import Clock
from common.errors import Invalid
from common.events.topics import CONSUMERS, Topic
from common.postgres.audit import record as record_action
from common.postgres.dead_letters import decide, hand_back, waiting
from common.postgres.engine import Database
from common.subscriber.dead_letter import DeadLetter
from common.subscriber.dead_letter_log import DeadLetterLog
from reprise_cli.dead_letters import Entry
from reprise_cli.editing import Mended, mend

Outcome = Literal["redriven", "waiting already", "taken", "failed", "not tried"]
VAIN: frozenset[Outcome] = frozenset({"failed", "not tried"})
_LOOK_EVERY = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of one. `failed` waits with the reason, or is a dead letter again."""

    entry: Entry
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Orders:
    """How to go about it. `wait` None does not watch, and then `stop_after` cannot stop either.

    `rate` is records per second; `stop_after` as many failures in a row.
    """

    operator: str
    rate: float
    wait: float | None
    stop_after: int
    edit: Path | None = None


class Redriver:
    """One transaction for each record: the parked row, the decision and the audit row."""

    def __init__(
        self,
        log: DeadLetterLog,
        databases: Mapping[str, Database],
        orders: Orders,
        clock: Clock,
        topics: Mapping[str, Topic] = CONSUMERS,
    ) -> None:
        self._log, self._databases, self._orders, self._clock = log, databases, orders, clock
        self._topics = topics

    async def __call__(self, entries: Sequence[Entry]) -> AsyncIterator[Redriven]:
        """Each as it is done; ends early after so many failures in a row."""
        failures = 0
        for number, entry in enumerate(entries):
            if number:
                await asyncio.sleep(1 / self._orders.rate)
            done = await self._one(entry)
            yield done
            failures = failures + 1 if done.outcome in VAIN else 0
            if failures >= self._orders.stop_after:
                return

    async def _one(self, entry: Entry) -> Redriven:
        topic = self._topics[entry.group]
        letter = await self._log.at(entry.group, topic, entry.place)
        end = await self._log.end(entry.group, topic)
        handed = self._content(entry, letter)
        if not await self._park(entry, handed):
            return Redriven(entry, "waiting already", "its event is parked")
        if self._orders.wait is None:
            return Redriven(entry, "redriven")
        return await self._watch(entry, handed.envelope.id, end, self._orders.wait)

    def _content(self, entry: Entry, letter: DeadLetter) -> Mended:
        if self._orders.edit is not None:
            return mend(letter.record, self._orders.edit)
        if letter.envelope is None:
            raise Invalid(f"{entry.id} is no event of ours as it stands", code="not_an_event")
        return Mended(letter.record, letter.envelope, {})

    async def _park(self, entry: Entry, handed: Mended) -> bool:
        async with self._databases[entry.group].write() as session:
            if not await hand_back(
                session, entry.group, handed.record, handed.envelope, entry.reason
            ):
                return False
            redrives = await decide(
                session, entry.group, entry.digest, "redriven", kept_at=entry.kept_at
            )
            await record_action(
                session,
                self._orders.operator,
                "dlq redrive",
                {
                    "group": entry.group,
                    "digest": entry.digest,
                    "event_id": handed.envelope.id,
                    "edited": handed.audit or None,
                },
                {"redrives": redrives},
            )
        return True

    async def _watch(self, entry: Entry, event_id: UUID, end: int, patience: float) -> Redriven:
        """Until the group has taken it, has tried in vain, or the time is up."""
        until = self._clock.monotonic() + patience
        while self._clock.monotonic() < until:
            async with self._databases[entry.group].read() as session:
                state = await waiting(session, entry.group, event_id)
            if state is None:
                return await self._end_of(entry, end)
            if state[0] > 0:
                return Redriven(entry, "failed", f"{state[1]}; it waits as a parked record")
            await asyncio.sleep(_LOOK_EVERY)
        return Redriven(entry, "not tried", f"the group did not try it within {patience:g} s")

    async def _end_of(self, entry: Entry, end: int) -> Redriven:
        """Its row is gone: taken, or given up once more."""
        topic = self._topics[entry.group]
        async for letter in self._log.walk(entry.group, topic, start=end):
            if letter.digest == entry.digest:
                return Redriven(entry, "failed", f"{letter.why.reason}; it is a dead letter again")
        return Redriven(entry, "taken")
