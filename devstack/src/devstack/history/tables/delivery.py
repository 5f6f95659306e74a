"""A delivery node's serving index: what it would show."""

import sqlite3
from pathlib import Path
from uuid import UUID

import msgspec

from common.access import VISIBLE_STATES
from common.events.topics import DELIVERY
from devstack.history.model import Part, Standing

GROUP = "delivery.catalog-state"
_STATE = 2  # its place in the packed entry


def contribution(folder: Path) -> Part:
    """The index of the node that has this folder; nothing when it has none yet."""
    file = folder / "index.sqlite3"
    if not file.exists():
        return Part()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)
    try:
        rows = connection.execute("SELECT asset_id, sequence, standing, body FROM asset").fetchall()
    finally:
        connection.close()
    return Part(
        standings=tuple(_standing(*row) for row in rows),
        covered={(GROUP, f"asset/{UUID(bytes=row[0])}"): row[1] for row in rows},
        consumers=frozenset({GROUP}),
    )


def _standing(asset_id: bytes, _sequence: int, standing: str, body: bytes) -> Standing:
    state = standing
    if standing == "known":
        state = msgspec.msgpack.decode(body)[_STATE]
    return Standing(DELIVERY, str(UUID(bytes=asset_id)), state, state in VISIBLE_STATES)
