"""media.assets.v1 -> our own outbox, as published; what no state record covers is staged."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from catalog.recovery.adapters.headers import (
    ABOUT_ASSETS,
    Mark,
    event_id,
    json_of,
    mark_in,
    names_asset,
    texts_of,
)
from catalog.recovery.adapters.postgres_rebuilding import moved
from catalog.recovery.adapters.refusals import store_what_fits
from catalog.recovery.adapters.row_tuples import Row, copy
from catalog.recovery.adapters.staged_facts import stage
from catalog.recovery.ports import LogBatch, Positions
from common.events import EVENT_TYPES
from common.events.envelope import STRUCTURED
from common.events.topics import ASSETS, Topic
from common.postgres.engine import Database, WriteSession

COLUMNS = (
    "month", "event_id", "topic", "key", "subject", "sequence", "type", "headers", "payload",
    "occurred_at", "appended_at", "published_at", "kafka_partition", "kafka_offset",
)  # fmt: skip
_ABOUT_ASSETS = ABOUT_ASSETS[ASSETS.name]
_OF_OTHERS = frozenset(
    name for name, model in EVENT_TYPES.items() if model.TOPIC.name != ASSETS.name
)
# a batch sent twice stands twice in the topic, one after the other
_HEADS = text(
    "SELECT key, sequence FROM outbox_head"
    " WHERE topic = :topic AND key = ANY(CAST(:keys AS text[]))"
)
_NEW_HEADS = text(
    "UPDATE outbox_head SET previous = outbox_head.sequence, sequence = told.sequence"
    " FROM unnest(CAST(:keys AS text[]), CAST(:sequences AS bigint[])) AS told (key, sequence)"
    " WHERE outbox_head.topic = :topic AND outbox_head.key = told.key"
)
_UNCOVERED = text(
    "SELECT told.key FROM unnest(CAST(:keys AS text[]), CAST(:sequences AS bigint[]))"
    " AS told (key, sequence) LEFT JOIN asset ON asset.asset_id = CAST(told.key AS uuid)"
    " WHERE asset.asset_id IS NULL OR asset.facts < told.sequence"
)


class Told(NamedTuple):
    """One fact of ours: its sequence, its outbox row, the record; whether it is about an asset."""

    sequence: int
    row: Row
    record: Any
    about_asset: bool


@dataclass(frozen=True, slots=True)
class ToldIntake:
    """Makes `reprise outbox reseed` possible again, and knows the last sequence of each asset."""

    database: Database
    topic: Topic = ASSETS

    def digest(self, batch: LogBatch) -> dict[str, list[Told]]:
        """Facts by key, in their order."""
        found: dict[str, list[Told]] = defaultdict(list)
        for record in batch.records:
            texts = texts_of(record.headers)
            mark = mark_in(texts)
            if mark is None:
                continue
            about = mark.type in _ABOUT_ASSETS
            try:
                _refuse_foreign(record.key, mark.type, about=about)
                row = _row(record, mark, texts)
            except (KeyError, ValueError, OverflowError):
                continue  # not written by our relay, whatever it is
            found[row[3]].append(Told(mark.sequence, row, record, about))
        return found

    async def store(self, digest: dict[str, list[Told]], positions: Positions) -> None:
        await store_what_fits(self._store, digest, positions)

    async def _store(self, digest: dict[str, list[Told]], positions: Positions) -> None:
        async with self.database.write() as session:
            await moved(session, self.topic, positions)
            heads = await _heads(session, digest)
            told = _new(digest, heads)
            await _make_months(session, told)
            rows = [item.row for items in told.values() for item in items]
            if rows:
                await copy(session, "outbox", COLUMNS, rows)
                await _note_heads(session, told, heads)
            await self._stage(session, told)

    async def _stage(self, session: WriteSession, told: dict[str, list[Told]]) -> None:
        """Rows know how many facts they stand for; facts past that lead on from them."""
        of_assets = {key: [i for i in items if i.about_asset] for key, items in told.items()}
        assets = {key: items for key, items in of_assets.items() if items}
        if not assets:
            return
        values = {"keys": list(assets), "sequences": [i[-1].sequence for i in assets.values()]}
        uncovered = await session.scalars(_UNCOVERED, values)
        await stage(session, [(key, item.record) for key in uncovered for item in assets[key]])


async def _heads(session: WriteSession, keys: Collection[str]) -> dict[str, int]:
    rows = await session.execute(_HEADS, {"topic": ASSETS.name, "keys": list(keys)})
    return {row.key: row.sequence for row in rows}


def _new(digest: dict[str, list[Told]], heads: dict[str, int]) -> dict[str, list[Told]]:
    """What is not in the outbox yet."""
    told: dict[str, list[Told]] = {}
    for key, items in digest.items():
        last, kept = heads.get(key, 0), []
        for item in items:
            if item.sequence > last:
                last = item.sequence
                kept.append(item)
        if kept:
            told[key] = kept
    return told


async def _note_heads(
    session: WriteSession, told: dict[str, list[Told]], heads: dict[str, int]
) -> None:
    fresh = [(ASSETS.name, key, i[-1].sequence) for key, i in told.items() if key not in heads]
    if fresh:
        await copy(session, "outbox_head", ("topic", "key", "sequence"), fresh)
    if later := {key: items[-1].sequence for key, items in told.items() if key in heads}:
        values = {"keys": list(later), "sequences": list(later.values())}
        await session.execute(_NEW_HEADS, values | {"topic": ASSETS.name})


def _refuse_foreign(key: bytes | None, type_: str, *, about: bool) -> None:
    """Raises ValueError for what no relay of ours writes here; types of newer versions may be."""
    if key is None or b"\0" in key or type_ in _OF_OTHERS or (about and not names_asset(key)):
        raise ValueError("no fact of ours")


def _row(record: Any, mark: Mark, texts: dict[str, str]) -> Row:
    occurred_at = datetime.fromisoformat(texts["ce_time"])
    structured = texts.get("content-type", "").strip().lower().startswith(STRUCTURED)
    if structured or occurred_at.tzinfo is None:
        raise ValueError("no fact of ours")
    if occurred_at.tzinfo is not UTC:
        occurred_at = occurred_at.astimezone(UTC)
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return (
        date(at.year, at.month, 1),
        event_id(texts),
        ASSETS.name,
        record.key.decode(),
        texts["ce_subject"],
        mark.sequence,
        mark.type,
        json_of(texts),
        record.value,
        occurred_at,
        at,
        at,
        record.partition,
        record.offset,
    )


async def _make_months(session: WriteSession, told: dict[str, list[Told]]) -> None:
    for month in {item.row[0] for items in told.values() for item in items}:
        await session.execute(text("SELECT outbox_add_month(:month)"), {"month": month})
