"""One Postgres transaction as the use cases see it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from catalog.adapters.postgres_assets import PostgresAssets
from catalog.adapters.postgres_library import PostgresLibrary
from catalog.adapters.postgres_names import PostgresNames
from catalog.ports import CatalogTransaction
from common.clock import Clock
from common.errors import Corrupt
from common.postgres.engine import Database, WriteSession


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """The ports of one open transaction."""

    session: WriteSession
    clock: Clock

    @property
    def assets(self) -> PostgresAssets:
        return PostgresAssets(self.session, self.clock)

    @property
    def library(self) -> PostgresLibrary:
        return PostgresLibrary(self.session)

    @property
    def names(self) -> PostgresNames:
        return PostgresNames(self.session)

    async def now(self) -> datetime:
        now: datetime = (await self.session.execute(select(func.clock_timestamp()))).scalar_one()
        return now


@dataclass(frozen=True, slots=True)
class PostgresTransactions:
    """Opens transactions on the catalog's database."""

    database: Database
    clock: Clock

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CatalogTransaction]:
        try:
            async with self.database.write() as session:
                yield PostgresTransaction(session, self.clock)
        except IntegrityError as error:
            # a row the schema refuses is a defect of whoever asked for it; no later try mends it
            raise Corrupt("the schema refuses this row", code="constraint_violated") from error
