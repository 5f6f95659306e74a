"""Waits for what is true soon, instead of sleeping for as long as it might take."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable

EVERY = 0.01  # seconds


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], *, timeout: float = 10.0
) -> None:
    """Return as soon as `condition` holds; raises TimeoutError when it does not in time."""
    async with asyncio.timeout(timeout):
        while True:
            held = condition()
            if await held if isawaitable(held) else held:
                return
            await asyncio.sleep(EVERY)
