"""A dedicated connection that holds an advisory lock: whoever has it is the one leader."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from common.errors import Unavailable
from common.postgres.failures import CONNECT_ERRORS, translated

CONNECT_TIMEOUT = 3.0  # seconds
STATEMENT_TIMEOUT = 10.0  # seconds
# A leader that is frozen (stopped, swapped out) keeps its connection open and so its lock. The
# server ends a session that is idle for this long, and another process can lead. Longer than a
# batch may take in Kafka (10 s).
IDLE_TIMEOUT_MS = 15_000


def lock_name(schema: str, purpose: str) -> str:
    """The text whose hash is the key of the leader's advisory lock."""
    return f"reprise.{purpose}.{schema}"


class LeaderConnection:
    """The lock belongs to the session: when the connection ends, so does the leadership."""

    def __init__(self, database_url: str, schema: str, *, purpose: str) -> None:
        self._url, self._schema, self._purpose = database_url, schema, purpose
        self._connection: asyncpg.Connection[Any] | None = None

    async def lead(self) -> bool:
        """Try to become the leader; False when another is. Raises Unavailable."""
        await self.resign()
        try:
            connection = await self._connect()
            locked = await connection.fetchval(
                "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", self._name()
            )
        except CONNECT_ERRORS as error:
            raise translated(error) from error
        self._connection = connection
        if not locked:
            await self.resign()
        return bool(locked)

    async def still_leader(self) -> bool:
        """Ask the server itself, on the connection that holds the lock; False when it is gone."""
        try:
            async with self.mapped() as connection:
                return bool(
                    await connection.fetchval(
                        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'"
                        " AND pid = pg_backend_pid() AND granted)"
                    )
                )
        except Unavailable:
            return False

    async def resign(self) -> None:
        """Give up the lock by closing its connection; never raises."""
        connection, self._connection = self._connection, None
        if connection is not None:
            # no polite goodbye: it would wait for a server that may be gone, and the lock ends with
            # the socket
            connection.terminate()

    @asynccontextmanager
    async def mapped(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        """The leader's connection; a failure ends the leadership and is raised as Unavailable."""
        if self._connection is None:
            raise Unavailable("not the leader", code="not_leader")
        try:
            yield self._connection
        except CONNECT_ERRORS as error:
            await self.resign()
            raise translated(error) from error

    async def _connect(self) -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT,
            command_timeout=STATEMENT_TIMEOUT,
            server_settings={
                "search_path": self._schema,
                "application_name": f"reprise-{self._schema}-{self._purpose}",
                "idle_session_timeout": str(IDLE_TIMEOUT_MS),
            },
        )

    def _name(self) -> str:
        return lock_name(self._schema, self._purpose)
