import asyncio

import pytest

from common.kafka import letting_go
from common.kafka.letting_go import let_go


class Client:
    """Ends as it is told to."""

    def __init__(self, error: BaseException | None = None, *, hangs: bool = False) -> None:
        self.error, self.hangs, self.stopped = error, hangs, False

    async def stop(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.stopped = True


async def test_it_is_stopped() -> None:
    client = Client()
    await let_go(client)
    assert client.stopped


@pytest.mark.parametrize("error", [asyncio.CancelledError(), OSError("gone"), AssertionError()])
async def test_what_goes_wrong_is_not_the_callers(error: BaseException) -> None:
    await let_go(Client(error))


async def test_one_that_does_not_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letting_go, "STOP_TIMEOUT", 0.01)
    await let_go(Client(hangs=True))


async def test_a_caller_that_is_cancelled_leaves_at_once() -> None:
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(let_go(Client(hangs=True)))
        await asyncio.sleep(0)
        leaving.cancel()
    assert leaving.cancelled()
