"""One write session, dressed as the three ports that share it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common.clock import Clock
from common.jobs.queue import JobQueue
from common.postgres.engine import Database
from janitor.adapters.postgres_facts import PostgresFacts
from janitor.adapters.postgres_ledger import PostgresLedger
from janitor.adapters.postgres_orders import PostgresOrders


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """The `Transaction` port."""

    ledger: PostgresLedger
    orders: PostgresOrders
    publisher: PostgresFacts


@dataclass(frozen=True, slots=True)
class PostgresUnitOfWork:
    """The `UnitOfWork` port."""

    database: Database
    queue: JobQueue
    clock: Clock

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PostgresTransaction]:
        async with self.database.write() as session:
            yield PostgresTransaction(
                PostgresLedger(session),
                PostgresOrders(session, self.queue),
                PostgresFacts(session, self.clock),
            )
