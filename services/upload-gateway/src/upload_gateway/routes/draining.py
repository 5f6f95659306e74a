"""Lets requests in flight save what arrived when the process is told to stop."""

import asyncio
from collections.abc import Callable

from common.web.health import Health
from common.web.loops import Loop, wait_for

_LOOK = 0.1  # seconds; the drain itself lasts far longer
# Seconds for bodies to end by themselves. A part of the drain (REPRISE_HTTP_DRAIN_SECONDS): what is
# cut afterwards needs the rest to save its tail.
FINISH = 5.0


def cut_when_draining(
    health: Health, cut_all: Callable[[], None], *, finish: float = FINISH
) -> Loop:
    """A loop that ends the bodies that are still arriving when the process has drained a while.

    Most end by themselves before; each other saves its tail, then says 503.
    """

    async def loop(stop: asyncio.Event) -> None:
        while not (health.draining or stop.is_set()):
            await wait_for(stop, _LOOK)
        for _ in range(round(finish / _LOOK)):
            if health.in_flight and not stop.is_set():
                await wait_for(stop, _LOOK)
        cut_all()
        await stop.wait()

    return loop
