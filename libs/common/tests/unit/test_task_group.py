import asyncio

import pytest

from common.errors import Unavailable
from common.task_group import task_group


class Begun:
    """Goes on until it is cancelled, and takes a moment to end."""

    def __init__(self) -> None:
        self.begun, self.ended = asyncio.Event(), False

    async def __call__(self) -> None:
        try:
            self.begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended = True


async def failing(after: Begun) -> None:
    await after.begun.wait()
    raise Unavailable("the store does not answer") from OSError("reset")


async def test_the_first_failure_is_raised_as_it_is_when_all_have_ended() -> None:
    other = Begun()

    async def block() -> None:
        async with task_group() as group:
            group.create_task(other())
            group.create_task(failing(other))

    with pytest.raises(Unavailable) as failed:
        await block()
    assert other.ended
    assert isinstance(failed.value.__cause__, OSError)


async def test_a_failure_of_the_block_itself_ends_its_tasks() -> None:
    other = Begun()

    async def block() -> None:
        async with task_group() as group:
            group.create_task(other())
            await failing(other)

    with pytest.raises(Unavailable):
        await block()
    assert other.ended


async def test_a_cancelled_block_is_cancelled_and_nothing_else() -> None:
    other = Begun()

    async def block() -> None:
        with pytest.raises(asyncio.CancelledError):
            async with task_group() as group:
                group.create_task(other())

    async with asyncio.TaskGroup() as outer:
        running = outer.create_task(block())
        await other.begun.wait()
        running.cancel()
    assert other.ended
