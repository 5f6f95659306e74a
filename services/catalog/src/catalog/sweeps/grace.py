"""Ends the grace of deleted assets, a bounded number a turn; the database's clock says which."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from common.errors import Unavailable
from common.telemetry import logs
from common.telemetry.liveness import beat
from common.telemetry.metrics import Metrics
from common.web.loops import rest

# one transaction each: a stop is never further away than one asset, a turn never longer than this
MOST_IN_A_TURN = 500
_logger = logs.get_logger("catalog.grace")


@dataclass(frozen=True, slots=True)
class GraceSweep:
    """Several processes may sweep at once.

    A row that one of them holds is passed over by the others.

    `end_grace` ends one and says whether there was one; `interval` is the pause between turns in
    seconds.
    """

    end_grace: Callable[[], Awaitable[bool]]
    interval: float
    metrics: Metrics

    async def loop(self, stop: asyncio.Event) -> None:
        """Sweep until `stop`; a database that does not answer is asked again at the next turn."""
        while not stop.is_set():
            beat()
            try:
                await self.turn(stop)
            except Unavailable as error:
                _logger.warning("grace.unavailable", code=error.code)
            await rest(stop, self.interval)

    async def turn(self, stop: asyncio.Event) -> int:
        """End what is due now; how many."""
        ended = 0
        while ended < MOST_IN_A_TURN and not stop.is_set() and await self.end_grace():
            ended += 1
        self.metrics.counter("graces_ended", "Deleted assets taken past restoring.").inc(ended)
        return ended
