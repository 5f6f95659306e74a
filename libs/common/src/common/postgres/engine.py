"""One pool per process; reading and writing are different types, a write is one transaction."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NewType

from sqlalchemy import Executable, Row, event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from common.errors import Invalid, Unavailable
from common.postgres.failures import CONNECT_ERRORS, STATEMENT_ERRORS, gone, translated, unavailable
from common.resilience import Breaker
from common.settings.groups import PostgresSettings

ReadSession = NewType("ReadSession", AsyncConnection)
WriteSession = NewType("WriteSession", AsyncConnection)

_NOTES = "reprise.after_commit"
_USED = "reprise.used"
CONNECT_TIMEOUT = 3.0  # seconds
LOOK_TIMEOUT = 2.0  # seconds for a pooled connection to say that it still works
CHECK_TIMEOUT = 2.0  # seconds
# A database that accepts and is silent would keep each request waiting for a connection, and its
# callers behind it. After so many in a row nobody asks for a moment; a restart is found out about
# within the pause.
BREAK_AFTER, BREAK_FOR = 5, 1.0  # failures, seconds
_DURABLE = frozenset({"on", "remote_apply"})


class Database:
    """The service's own schema.

    `read()` sees one snapshot and cannot write. `write()` is one transaction: committed when the
    block ends, rolled back when it raises. Both raise Unavailable when the database does not answer
    in time (codes `database_unavailable`, `database_busy`, `database_slow`, `database_conflict`;
    all are safe to try again). A violated constraint stays SQLAlchemy's IntegrityError, for the
    adapter that knows what it means. `patience` is how many seconds it may take to get a
    connection: the wait in line, the look whether an old one still works, a new one.
    """

    def __init__(self, engine: AsyncEngine, *, patience: float = 8.0) -> None:
        self._engine, self._patience = engine, patience
        self._breaker = Breaker(failures=BREAK_AFTER, pause=BREAK_FOR)
        self._snapshots = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._wakes: dict[str, asyncio.Event] = {}

    def wake(self, name: str) -> asyncio.Event:
        """The event that commits set when they noted `name`; its waiter clears it."""
        return self._wakes.setdefault(name, asyncio.Event())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A snapshot for reading."""
        async with _mapped(), self._connected(self._snapshots) as connection, connection.begin():
            yield ReadSession(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """One transaction; what `after_commit` noted is woken only when it is durable."""
        async with _mapped(), self._connected(self._engine) as connection:
            connection.info[_NOTES] = notes = set[str]()
            async with connection.begin():
                yield WriteSession(connection)
        for name in notes:
            self.wake(name).set()

    async def alone(
        self, statement: Executable, values: Mapping[str, object] | None = None
    ) -> list[Row[Any]]:
        """One statement that is a transaction by itself; all its rows.

        It costs one round trip where `read()` and `write()` take three: for what is asked or
        counted with every request. Nothing can be noted by `after_commit` here.
        """
        async with _mapped(), self._connected(self._alone) as connection:
            return list(await connection.execute(statement, values))

    async def check(self) -> None:
        """Readiness: answers in time, keeps what it commits; raises Unavailable or Invalid."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT), self.read() as session:
                setting = await session.scalar(text("SELECT current_setting('synchronous_commit')"))
        except TimeoutError as error:
            raise Unavailable("the database is too slow", code="database_slow") from error
        if setting not in _DURABLE:
            raise Invalid(f"synchronous_commit is {setting}: a commit would not be durable")

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        connection = await self._connect(engine)
        try:
            yield connection
        finally:
            await connection.close()

    async def _connect(self, engine: AsyncEngine) -> AsyncConnection:
        try:
            self._breaker.enter()
        except Unavailable as error:
            wait = error.retry_after
            raise gone(retry_after=wait) from error
        try:
            async with asyncio.timeout(self._patience):
                connection = await engine.connect()
        except CONNECT_ERRORS as error:
            self._breaker.failed()
            raise translated(error) from error
        except BaseException:
            self._breaker.left()  # all connections are busy, or the caller is gone
            raise
        self._breaker.succeeded()
        return connection


def after_commit(session: WriteSession, name: str) -> None:
    """Have `Database.wake(name)` set once this transaction is committed; a roll-back forgets it."""
    session.info.setdefault(_NOTES, set()).add(name)


@asynccontextmanager
async def open_engine(
    settings: PostgresSettings, *, schema: str, purpose: str = ""
) -> AsyncIterator[Database]:
    """The pool of one service; `schema` is all of its search path.

    `purpose` names sessions that are none of the service's own, as `reprise-<schema>-<purpose>`.

    Starts without a database, so that a service can come up before it; refuses to start (Invalid)
    on one whose commits are not durable.
    """
    engine = create_async_engine(
        async_url(settings.url.get_secret_value()),
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.pool_timeout,
        connect_args={
            "timeout": CONNECT_TIMEOUT,
            "command_timeout": settings.statement_timeout + 1,
            "server_settings": {
                "search_path": schema,
                "statement_timeout": str(int(settings.statement_timeout * 1000)),
                "idle_in_transaction_session_timeout": "60000",
                "application_name": "-".join(filter(None, ("reprise", schema, purpose))),
            },
        },
    )
    _look_before_use(engine)
    database = Database(engine, patience=settings.pool_timeout + CONNECT_TIMEOUT)
    try:
        await _refuse_lossy(database)
        yield database
    finally:
        await engine.dispose()


def async_url(url: str) -> str:
    """The address as SQLAlchemy's asyncpg dialect wants it."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)


async def _refuse_lossy(database: Database) -> None:
    try:
        await database.check()
    except Unavailable:
        return  # readiness says so, and asks again


def _look_before_use(engine: AsyncEngine) -> None:
    """Ask a pooled connection for a sign of life; one that gives none ends the pool's others too.

    Not `pool_pre_ping`: it opens a transaction around its question, three round trips instead of
    one, waits for its end even when nobody answers, and gives the caller the failure instead of a
    new connection.
    """

    @event.listens_for(engine.sync_engine, "checkout")
    def look(connection: Any, record: ConnectionPoolEntry, _: object) -> None:
        if not record.info.setdefault(_USED, False):
            record.info[_USED] = True  # it was opened a moment ago
            return
        try:
            connection.run_async(lambda driver: driver.execute("SELECT", timeout=LOOK_TIMEOUT))
        except CONNECT_ERRORS as error:
            raise InvalidatePoolError from error


@asynccontextmanager
async def _mapped() -> AsyncIterator[None]:
    try:
        yield
    except STATEMENT_ERRORS as error:
        kind = unavailable(error)
        if kind is None:
            raise
        raise kind from error
