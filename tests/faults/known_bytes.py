"""Every byte in the store is somebody's: a row says so, or an order to delete it."""

import asyncio

import asyncpg
from tests.e2e.client import eventually
from tests.e2e.store import list_keys

from devstack.stack import Stack

_KNOWN = """
SELECT key FROM upload_gateway.upload UNION ALL SELECT key FROM upload_gateway.segment
UNION ALL SELECT key FROM janitor.stored_object
"""


def keys_in_store(stack: Stack) -> set[str]:
    """All of them, asked of the store itself."""
    return set(list_keys(stack.env, ""))


def all_are_known(stack: Stack, before: set[str]) -> None:
    """What came into the store since `before` has a row, as soon as all sweeps came by."""
    eventually(
        lambda: keys_in_store(stack) - before - _known(stack),
        lambda stray: not stray,
        within=20,
        saying="every object should have a row or an order",
    )


def _known(stack: Stack) -> set[str]:
    return asyncio.run(_rows(stack.env["REPRISE_POSTGRES_ADMIN_URL"]))


async def _rows(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {row["key"] for row in await connection.fetch(_KNOWN)}
    finally:
        await connection.close()
