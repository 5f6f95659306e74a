"""The months of the outbox: made before they begin, and for rows that came before their month."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import asyncpg

from common.postgres.failures import CONNECT_ERRORS, translated

AHEAD = 2  # months made beyond this one: an outage of the leader must not last that long
CONNECT_TIMEOUT = 3.0  # seconds
LOCK_TIMEOUT_MS = 2_000  # how long writers may stand behind us while we wait for a long transaction
STATEMENT_TIMEOUT_MS = 10_000  # how long they may stand while rows are moved; then all is as it was

_WANTED = """
SELECT (
    date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + ahead * interval '1 month'
)::date
FROM generate_series(0, $1) AS ahead
UNION SELECT DISTINCT month FROM outbox_default
"""


async def make_partitions(
    database_url: str,
    schema: str,
    *,
    more: Iterable[date] = (),
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
) -> list[str]:
    """Make this month's partition, those of the months ahead, and those that rows wait for.

    `more` are first days of further months. Returns the names of what was made. Each month is one
    transaction, so that writers wait for one at most. Raises Unavailable when a lock was not to be
    had in time or moving rows took too long: nothing is lost, they stay in the default partition.
    """
    try:
        connection = await asyncpg.connect(
            database_url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=statement_timeout_ms / 1000 + CONNECT_TIMEOUT,
            server_settings={
                "search_path": schema,
                "application_name": f"reprise-{schema}-partitions",
                "lock_timeout": str(LOCK_TIMEOUT_MS),
                "statement_timeout": str(statement_timeout_ms),
            },
        )
    except CONNECT_ERRORS as error:
        raise translated(error) from error
    try:
        return await _make(connection, more)
    except CONNECT_ERRORS as error:
        raise translated(error) from error
    finally:
        connection.terminate()


async def _make(connection: "asyncpg.Connection[Any]", more: Iterable[date]) -> list[str]:
    wanted = {row[0] for row in await connection.fetch(_WANTED, AHEAD)} | set(more)
    return [
        f"outbox_{month:%Y_%m}"
        for month in sorted(wanted)
        if await connection.fetchval("SELECT outbox_add_month($1)", month)
    ]
