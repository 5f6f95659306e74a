"""Whether a consumer group reads: a row that its processes watch and an operator may change."""

from dataclasses import dataclass

from sqlalchemy import text

from common.postgres.engine import Database, WriteSession

_PAUSED = text(
    "SELECT coalesce(reason, 'paused') FROM fuse"
    " WHERE consumer = :consumer AND paused_at IS NOT NULL"
)
_PAUSE = text("""
INSERT INTO fuse (consumer, paused_at, reason) VALUES (:consumer, clock_timestamp(), :reason)
ON CONFLICT (consumer) DO UPDATE SET paused_at = excluded.paused_at, reason = excluded.reason
WHERE fuse.paused_at IS NULL
""")
_RESUME = text(
    "UPDATE fuse SET paused_at = NULL, resumed_at = clock_timestamp()"
    " WHERE consumer = :consumer AND paused_at IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class PostgresFuse:
    """The `Fuse` port of common.subscriber, for all groups of one service."""

    database: Database

    async def paused(self, consumer: str) -> str | None:
        """Why the group does not read; None when it does."""
        async with self.database.read() as session:
            reason: str | None = await session.scalar(_PAUSED, {"consumer": consumer})
            return reason

    async def pause(self, consumer: str, reason: str) -> bool:
        """Stop the group; False when it was stopped before, whose reason and time stay."""
        async with self.database.write() as session:
            return await pause(session, consumer, reason)

    async def resume(self, consumer: str) -> bool:
        """Let the group read on; False when it was not paused."""
        async with self.database.write() as session:
            return await resume(session, consumer)


async def pause(session: WriteSession, consumer: str, reason: str) -> bool:
    """The same in the caller's transaction, for a command that writes its audit row with it."""
    result = await session.execute(_PAUSE, {"consumer": consumer, "reason": reason})
    return result.rowcount == 1


async def resume(session: WriteSession, consumer: str) -> bool:
    """The same in the caller's transaction."""
    result = await session.execute(_RESUME, {"consumer": consumer})
    return result.rowcount == 1
