"""How a handler says that an event had its effect before, without knowing who counts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_count: ContextVar[Callable[[], None] | None] = ContextVar("duplicates", default=None)


@contextmanager
def counting(count: Callable[[], None]) -> Iterator[None]:
    """Have `absorbed` call this in the block, also in the tasks that it starts."""
    token = _count.set(count)
    try:
        yield
    finally:
        _count.reset(token)


def absorbed() -> None:
    """Say that an event was delivered again and changed nothing; outside of a consumer nothing.

    By its id (the inbox), by its sequence (a projector) or by the row it would make again. A
    transaction that is tried again may say it once more.
    """
    count = _count.get()
    if count is not None:
        count()
