"""What Postgres and its driver raise, as kinds of `common.errors`; nothing above knows asyncpg."""

import asyncpg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from common.errors import RepriseError, Unavailable


class UnexpectedDatabaseError(Exception):
    """The statement is at fault: a bug of ours, told by the error that caused this one."""


# connecting fails with these before the driver wraps anything
CONNECT_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # the server's goodbye came between two of our statements
    asyncpg.InternalClientError,
)
# what a statement may raise; a plain OSError would be somebody else's (a file, the store)
STATEMENT_ERRORS = (
    SQLAlchemyError,
    ConnectionError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

# safe to run again as a whole: the server has rolled the transaction back
_CONFLICTS = frozenset({"40001", "40P01"})
# cancelled by statement_timeout, lock not available, read-only after a failover
_SLOW = frozenset({"57014", "55P03"})
_READ_ONLY = "25006"
# connection exceptions, not let in, no such database, out of resources, shutting down
_GONE_CLASSES = frozenset({"08", "28", "3D", "53", "57", "58"})


def translated(error: Exception) -> Exception:
    """What to raise `from error`: its kind, or a stand-in for one that has none."""
    return unavailable(error) or UnexpectedDatabaseError(type(error).__name__)


def unavailable(error: Exception) -> RepriseError | None:
    """The kind for a database that does not answer, or None: the statement is at fault."""
    if isinstance(error, PoolTimeout):
        return Unavailable("all connections are busy", code="database_busy", retry_after=1)
    if not isinstance(error, DBAPIError):
        return _driver(error)
    return gone() if error.connection_invalidated else _by_state(_state(error))


def _driver(error: Exception) -> RepriseError | None:
    if isinstance(error, asyncpg.PostgresError):
        return _by_state(error.sqlstate or "")
    # the driver calls a value that does not fit its column an InterfaceError too: a bug of ours
    bug = isinstance(error, ValueError)
    return gone() if isinstance(error, CONNECT_ERRORS) and not bug else None


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _by_state(state: str) -> RepriseError | None:
    if state in _CONFLICTS:
        return Unavailable("a concurrent change won", code="database_conflict", retry_after=1)
    if state in _SLOW:
        return Unavailable("the database is too slow", code="database_slow")
    if state == _READ_ONLY or state[:2] in _GONE_CLASSES:
        return gone()
    return None


def gone(*, retry_after: int = 5) -> RepriseError:
    """The kind for a database that nobody reaches."""
    return Unavailable(
        "the database does not answer", code="database_unavailable", retry_after=retry_after
    )
