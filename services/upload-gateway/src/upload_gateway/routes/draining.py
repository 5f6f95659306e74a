"""Lets requests in flight save what arrived when the process is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from common.web.health import Health

_LOOK = 0.1  # seconds; the drain itself lasts far longer


def cut_when_draining(
    health: Health, cut_all: Callable[[], None]
) -> Callable[[asyncio.Event], Awaitable[None]]:
    """A loop that ends all bodies when the process drains; each saves its tail, then says 503."""

    async def loop(stop: asyncio.Event) -> None:
        while not (health.draining or stop.is_set()):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK)
        cut_all()
        await stop.wait()

    return loop
