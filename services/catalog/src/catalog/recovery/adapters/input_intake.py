"""Facts of other services: what `applied` covers is skipped, what changes nothing is counted."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import text

from catalog.domain.states import State
from catalog.recovery.adapters.headers import ABOUT_ASSETS, mark_of
from catalog.recovery.adapters.postgres_rebuilding import moved
from catalog.recovery.adapters.staged_facts import stage
from catalog.recovery.ports import LogBatch, Positions
from common.events import ObjectPurged, ProcessingFailed, ProcessingFinished, PurgeFailed
from common.events.topics import Topic
from common.postgres.engine import Database, WriteSession

# the last fact of every run, and the most facts of every purge: a history for each of them would
# take far longer than all the rest
_REPORTS = frozenset({ObjectPurged.TYPE, PurgeFailed.TYPE})
_ENDS = frozenset({ProcessingFinished.TYPE, ProcessingFailed.TYPE})

_UNCOVERED = text("""
SELECT heard.key, coalesce(CAST(asset.applied ->> :topic AS bigint), 0) AS applied, asset.state,
    asset.asset_id IS NULL
    OR EXISTS (SELECT FROM recovery_fact WHERE recovery_fact.asset_id = heard.id) AS open
FROM (
    SELECT key, CAST(key AS uuid) AS id, sequence
    FROM unnest(CAST(:keys AS text[]), CAST(:sequences AS bigint[])) AS heard (key, sequence)
) AS heard LEFT JOIN asset ON asset.asset_id = heard.id
WHERE asset.asset_id IS NULL
    OR coalesce(CAST(asset.applied ->> :topic AS bigint), 0) < heard.sequence
""")
_COUNT = text("""
UPDATE asset SET applied = applied || jsonb_build_object(CAST(:topic AS text), heard.sequence)
FROM unnest(CAST(:keys AS uuid[]), CAST(:sequences AS bigint[])) AS heard (key, sequence)
WHERE asset.asset_id = heard.key
""")


class Heard(NamedTuple):
    """One fact of another service."""

    sequence: int
    type: str
    record: Any


@dataclass(frozen=True, slots=True)
class InputIntake:
    """One input topic; runs when the rows of state and our own facts are there.

    `of` is the topic of the contract, under whose name rows count; `topic` is where it is read.
    """

    database: Database
    of: Topic
    topic: Topic

    def digest(self, batch: LogBatch) -> dict[str, list[Heard]]:
        """Facts by key, in their order."""
        found: dict[str, list[Heard]] = defaultdict(list)
        for record in batch.records:
            mark = mark_of(record)
            if mark is not None and mark.type in ABOUT_ASSETS:
                found[record.key.decode()].append(Heard(mark.sequence, mark.type, record))
        return found

    async def store(self, digest: dict[str, list[Heard]], positions: Positions) -> None:
        async with self.database.write() as session:
            await moved(session, self.topic, positions)
            if digest:
                await self._take(session, digest)

    async def _take(self, session: WriteSession, digest: dict[str, list[Heard]]) -> None:
        values = {
            "topic": self.of.name,
            "keys": list(digest),
            "sequences": [items[-1].sequence for items in digest.values()],
        }
        counted: dict[str, int] = {}
        staged: list[Any] = []
        for row in (await session.execute(_UNCOVERED, values)).all():
            last, rest = row.applied, digest[row.key]
            if not row.open:
                last, rest = past_reports(rest, row.applied, State(row.state))
            if last > row.applied:
                counted[row.key] = last
            staged += [item.record for item in rest if item.sequence > last]
        await stage(session, staged)
        if counted:
            values = {"keys": list(counted), "sequences": list(counted.values())}
            await session.execute(_COUNT, values | {"topic": self.of.name})


def past_reports(heard: list[Heard], applied: int, state: State) -> tuple[int, list[Heard]]:
    """How far the sequence goes on through facts that change nothing, and what comes after them."""
    for place, item in enumerate(heard):
        if item.sequence <= applied:
            continue
        nothing = item.type in _REPORTS or (item.type in _ENDS and state is not State.PROCESSING)
        if item.sequence != applied + 1 or not nothing:
            return applied, heard[place:]
        applied = item.sequence
    return applied, []
