"""What a delivery node brings to `reprise fsck`: the sequences its index has reached."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from pydantic import Field

from common.errors import Unavailable
from common.events.topics import DELIVERY
from common.fsck import Check, Contribution, Finding, Scope, Statement
from common.settings.groups import Group
from common.settings.reading import read
from delivery.adapters.index_files import INDEX_FILE
from delivery.adapters.sqlite_file import connect_reading

BATCH = 10_000  # rows; between two batches the loop may do other things
_BATCH = "SELECT asset_id, sequence FROM asset WHERE asset_id > ? ORDER BY asset_id LIMIT ?"


class NodeFolder(Group):
    """Where this machine's delivery node keeps its index, if it has one."""

    folder: Path | None = Field(
        None,
        validation_alias="REPRISE_DELIVERY_DIR",
        description="Folder of the delivery node on this machine; the commands about its index run"
        " where it lies.",
    )


@dataclass(frozen=True, slots=True)
class FsckSettings:
    """What delivery's checks read."""

    node: NodeFolder


@asynccontextmanager
async def contribution() -> AsyncIterator[Contribution]:
    """Nothing at all on a machine without a node."""
    folder = read(FsckSettings).node.folder
    if folder is None:
        yield Contribution(DELIVERY)
        return
    file = folder / INDEX_FILE
    yield Contribution(
        DELIVERY,
        (_loaded(file),),
        {"delivery.index": lambda _scope: _index(file)},
    )


def _loaded(file: Path) -> Check:
    async def run(scope: Scope) -> AsyncIterator[Finding]:
        with _opened(file) as connection:
            row = connection.execute("SELECT loaded FROM progress").fetchone()
        scope.step()
        if not row or not row[0]:
            yield Finding(DELIVERY, "the index was never filled to its end")

    return Check("delivery.loaded", "I7", "this node's index was filled to its end", run)


async def _index(file: Path) -> AsyncIterator[Statement]:
    """In the order of the keys, which is that of the ids: both compare byte by byte."""
    with _opened(file) as connection:
        for asset_id, sequence in _rows(connection):
            yield Statement(f"asset/{asset_id}", str(sequence))


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[UUID, int]]:
    last = b""
    while batch := connection.execute(_BATCH, (last, BATCH)).fetchall():
        for asset_id, sequence in batch:
            yield UUID(bytes=asset_id), sequence
        last = batch[-1][0]


def _opened(file: Path) -> closing[sqlite3.Connection]:
    try:
        return closing(connect_reading(file))
    except sqlite3.Error as error:
        raise Unavailable("the index cannot be read", code="index_unavailable") from error
