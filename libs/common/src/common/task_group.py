"""Tasks that end together: none of them goes on when the block that began them is left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """`asyncio.TaskGroup`, for whose user the first failure is the only one.

    The others are cancelled and awaited; then that failure is raised as it is, with its own cause,
    not wrapped in a group that no `except` of its kind would catch.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as failed:
        error = failed.exceptions[0]
        raise error from error.__cause__
