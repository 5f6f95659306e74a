"""What no column can hold costs itself alone: one such value would stop a recovery for ever."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError

from catalog.recovery.ports import Positions

K = TypeVar("K")
V = TypeVar("V")
# what is left when `Database` has said which errors mean that it does not answer
REFUSED = (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OverflowError)


async def store_what_fits(
    store: Callable[[dict[K, V], Positions], Awaitable[None]],
    digest: dict[K, V],
    positions: Positions,
    instead: Callable[[dict[K, V]], dict[K, V]] = lambda _: {},
) -> None:
    """Store all of it; where the database refuses, in halves, down to the entry at fault.

    `instead` is what is stored for that one. Positions move with the last part: what was stored
    before is read again after a kill, and changes nothing.
    """
    try:
        await store(digest, positions)
    except REFUSED:
        if not digest:
            raise
        if len(digest) == 1:
            await store(instead(digest), positions)
            return
        for part, places in zip(halves(list(digest)), ({}, positions), strict=True):
            some = {key: digest[key] for key in part}
            await store_what_fits(store, some, places, instead)


def halves(items: Sequence[K]) -> tuple[list[K], list[K]]:
    """Both not empty when there are two or more."""
    middle = len(items) // 2
    return list(islice(items, middle)), list(islice(items, middle, None))
