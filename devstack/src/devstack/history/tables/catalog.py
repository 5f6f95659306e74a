"""The catalog's assets: what they are, how far each input was read, who stands in a library."""

import json
from collections.abc import Iterator

import asyncpg

from common.events.topics import ASSETS, CATALOG, CATALOG_STATE, PURGES, RENDITIONS, UPLOADS
from devstack.history.facts import CATALOG_READS
from devstack.history.model import Part, Slot, Standing
from devstack.history.tables.session import Session, outbox_rows, parked

LIVING = frozenset({"stored", "processing", "ready", "failed"})
_TOPICS = {
    "catalog.uploads": UPLOADS.name,
    "catalog.renditions": RENDITIONS.name,
    "catalog.purges": PURGES.name,
}
_ASSETS = (
    "SELECT asset_id, user_id, sha256, state, applied, facts, records, duplicate_of FROM asset"
)


async def contribution(session: Session) -> Part:
    """A library row per owner and digest is one effect, a living asset with them another."""
    rows = await session.fetch(_ASSETS)
    library = await session.fetch("SELECT user_id, sha256 FROM library")
    living = [row for row in rows if row["state"] in LIVING]
    return Part(
        rows=await outbox_rows(session, CATALOG),
        standings=tuple(
            Standing(CATALOG, str(r["asset_id"]), r["state"], r["state"] in LIVING) for r in rows
        ),
        effects=(
            *((CATALOG, f"library {row['user_id']} {row['sha256']}") for row in library),
            *((CATALOG, f"living {row['user_id']} {row['sha256']}") for row in living),
        ),
        covered={slot: number for row in rows for slot, number in _covered(row)},
        told={slot: number for row in rows for slot, number in _told(row)},
        set_aside=await parked(session),
        consumers=frozenset(CATALOG_READS),
    )


def _covered(row: asyncpg.Record) -> Iterator[tuple[Slot, int]]:
    applied = json.loads(row["applied"])
    for group, topic in _TOPICS.items():
        yield (group, str(row["asset_id"])), applied.get(topic, 0)


def _told(row: asyncpg.Record) -> Iterator[tuple[Slot, int]]:
    yield (ASSETS.name, str(row["asset_id"])), row["facts"]
    entity = "alias" if row["duplicate_of"] else "asset"
    yield (CATALOG_STATE.name, f"{entity}/{row['asset_id']}"), row["records"]
