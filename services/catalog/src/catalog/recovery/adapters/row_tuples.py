"""Assets as tuples for COPY: the same columns as `asset_rows`, without a dictionary in between."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from catalog.adapters.asset_rows import to_rendition_rows, to_row
from catalog.adapters.tables import asset as asset_table
from catalog.adapters.tables import rendition as rendition_table
from catalog.domain.asset import Asset
from common.postgres.engine import WriteSession

ASSET_COLUMNS = tuple(column.name for column in asset_table.c)
RENDITION_COLUMNS = tuple(column.name for column in rendition_table.c)
_JSON = frozenset({"media", "applied"})
Row = tuple[Any, ...]


def asset_tuple(asset: Asset) -> Row:
    """The row of an asset, in the order of the columns."""
    row = to_row(asset)
    return tuple(_plain(name, row[name]) for name in ASSET_COLUMNS)


def rendition_tuples(asset: Asset) -> list[Row]:
    """The rows of its renditions."""
    return [
        tuple(_plain(name, row[name]) for name in RENDITION_COLUMNS)
        for row in to_rendition_rows(asset)
    ]


async def copy(
    session: WriteSession, table: str, columns: Sequence[str], rows: Iterable[Row]
) -> None:
    """COPY within the session's transaction, which must have begun with a statement before."""
    raw = await session.get_raw_connection()
    connection: Any = raw.driver_connection
    await connection.copy_records_to_table(table, records=rows, columns=columns)


async def store_rows(session: WriteSession, rows: Sequence[tuple[Row, Sequence[Row]]]) -> None:
    """Insert rows of assets that are not there, with those of their renditions."""
    if rows:
        await copy(session, "asset", ASSET_COLUMNS, [row for row, _ in rows])
    if made := [row for _, renditions in rows for row in renditions]:
        await copy(session, "rendition", RENDITION_COLUMNS, made)


def _plain(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON and value is not None else value
