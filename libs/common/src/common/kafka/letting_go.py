"""Ends a Kafka client, whatever state an outage left it in."""

import asyncio
from typing import Protocol

from common.telemetry.logs import get_logger

# seconds; longer than a batch in hand may take (`broker.GRACEFUL_TIMEOUT`)
STOP_TIMEOUT = 30.0

_log = get_logger("common.kafka")


class Stoppable(Protocol):
    """A consumer or a broker."""

    async def stop(self) -> None:
        """Commit what is to be committed, close the connections."""
        ...


async def let_go(client: Stoppable) -> None:
    """Stop it; what goes wrong is logged, because whoever lets go has nothing more to ask of it.

    aiokafka's `stop()` awaits tasks that it has just cancelled. When the broker is away, their
    CancelledError comes out of it as if the caller had been cancelled, and would end a loop for
    good. So it runs in a task of its own.
    """
    stopping = asyncio.ensure_future(client.stop())
    done, _ = await asyncio.wait({stopping}, timeout=STOP_TIMEOUT)
    if not done:
        stopping.cancel()
        _log.warning("kafka.stop.hangs", seconds=STOP_TIMEOUT)
    elif stopping.cancelled() or stopping.exception() is not None:
        error = None if stopping.cancelled() else type(stopping.exception()).__name__
        _log.warning("kafka.stop.failed", error=error or "CancelledError")
