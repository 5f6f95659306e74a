import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from common.errors import Unavailable
from common.postgres.failures import UnexpectedDatabaseError, translated, unavailable


def wrapped(driver: Exception, *, invalidated: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, driver, connection_invalidated=invalidated)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PoolTimeout(), "database_busy"),
        (wrapped(OSError(), invalidated=True), "database_unavailable"),
        (wrapped(asyncpg.QueryCanceledError()), "database_slow"),
        (wrapped(asyncpg.LockNotAvailableError()), "database_slow"),
        (wrapped(asyncpg.DeadlockDetectedError()), "database_conflict"),
        (wrapped(asyncpg.SerializationError()), "database_conflict"),
        (wrapped(asyncpg.ReadOnlySQLTransactionError()), "database_unavailable"),
        (wrapped(asyncpg.AdminShutdownError()), "database_unavailable"),
        (wrapped(asyncpg.TooManyConnectionsError()), "database_unavailable"),
        (ConnectionRefusedError(), "database_unavailable"),
        (TimeoutError(), "database_unavailable"),
        (asyncpg.CannotConnectNowError(), "database_unavailable"),
        (asyncpg.ConnectionDoesNotExistError(), "database_unavailable"),
        (asyncpg.InterfaceError("connection is closed"), "database_unavailable"),
        (asyncpg.InternalClientError("in state 2"), "database_unavailable"),
        (ConnectionResetError(), "database_unavailable"),
    ],
)
def test_a_database_that_does_not_answer_is_unavailable(error: Exception, code: str) -> None:
    kind = unavailable(error)

    assert isinstance(kind, Unavailable)
    assert kind.code == code


@pytest.mark.parametrize(
    "error",
    [
        wrapped(asyncpg.UndefinedTableError()),
        IntegrityError("INSERT", {}, asyncpg.UniqueViolationError()),
    ],
)
def test_a_statement_at_fault_is_not_an_outage(error: Exception) -> None:
    assert unavailable(error) is None


def test_a_bug_on_a_bare_connection_is_told_without_its_text() -> None:
    told = translated(asyncpg.UndefinedTableError("relation secret"))

    assert isinstance(told, UnexpectedDatabaseError)
    assert str(told) == "UndefinedTableError"
