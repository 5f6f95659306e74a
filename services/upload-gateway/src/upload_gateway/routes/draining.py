"""Lets requests in flight save what arrived when the process is told to stop."""

import asyncio
from collections.abc import Callable

from common.web.health import Health
from common.web.loops import Loop, wait_for

_LOOK = 0.1  # seconds; the drain itself lasts far longer


def cut_when_draining(health: Health, cut_all: Callable[[], None]) -> Loop:
    """A loop that ends all bodies when the process drains; each saves its tail, then says 503."""

    async def loop(stop: asyncio.Event) -> None:
        while not (health.draining or stop.is_set()):
            await wait_for(stop, _LOOK)
        cut_all()
        await stop.wait()

    return loop
