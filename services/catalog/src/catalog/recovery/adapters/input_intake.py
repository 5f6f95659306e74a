"""Facts of other services: what `applied` covers is skipped, what changes nothing is counted."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import text

from catalog.domain.states import State
from catalog.recovery.adapters.headers import ABOUT_ASSETS, asset_text, mark_of
from catalog.recovery.adapters.postgres_rebuilding import moved
from catalog.recovery.adapters.refusals import store_what_fits
from catalog.recovery.adapters.staged_facts import readable, stage
from catalog.recovery.ports import LogBatch, Positions
from common.events import (
    ObjectPurged,
    ProcessingFailed,
    ProcessingFinished,
    PurgeFailed,
    Received,
)
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
        types = ABOUT_ASSETS[self.of.name]
        for record in batch.records:
            mark = mark_of(record)
            if mark is None or mark.type not in types:
                continue
            asset_id = asset_text(record.key) or _named_in(record)
            if asset_id is not None:
                found[asset_id].append(Heard(mark.sequence, mark.type, record))
        return found

    async def store(self, digest: dict[str, list[Heard]], positions: Positions) -> None:
        await store_what_fits(self._store, digest, positions)

    async def _store(self, digest: dict[str, list[Heard]], positions: Positions) -> None:
        async with self.database.write() as session:
            await moved(session, self.topic, positions)
            if digest:
                await self._take(session, digest)

    async def _take(self, session: WriteSession, digest: dict[str, list[Heard]]) -> None:
        values = {
            "topic": self.of.name,
            "keys": list(digest),
            "sequences": [max(item.sequence for item in items) for items in digest.values()],
        }
        counted: dict[str, int] = {}
        staged: list[tuple[str, Any]] = []
        for row in (await session.execute(_UNCOVERED, values)).all():
            last = row.applied
            rest, others = _uncovered(row.key, digest[row.key], last)
            if not row.open:
                last, rest = past_reports(rest, row.applied, State(row.state))
            if last > row.applied:
                counted[row.key] = last
            staged += [(row.key, item.record) for item in rest if item.sequence > last] + others
        await stage(session, staged)
        if counted:
            values = {"keys": list(counted), "sequences": list(counted.values())}
            await session.execute(_COUNT, values | {"topic": self.of.name})


def _named_in(record: Any) -> str | None:
    """The asset of a fact whose key names none: consumers go by what it says."""
    received = readable(record)
    return None if received is None else _about(received)


def _about(received: Received) -> str:
    return str(getattr(received.event, "asset_id"))  # noqa: B009 (every type in the table has it)


def _uncovered(
    key: str, heard: list[Heard], applied: int
) -> tuple[list[Heard], list[tuple[str, Any]]]:
    """What consumers took of an asset past `applied`, and what they took under its key of others.

    What they could not read they had no use for, whatever its headers said.
    """
    own: list[Heard] = []
    others: list[tuple[str, Any]] = []
    for item in heard:
        if item.sequence > applied and (received := readable(item.record)):
            if (asset_id := _about(received)) == key:
                own.append(item)
            else:
                others.append((asset_id, item.record))
    return own, others


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
