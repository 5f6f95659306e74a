"""The clock's way in for writers: they say that they live, and hear whether they must end."""

import asyncio

from common.errors import RepriseError
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.web.loops import Loop, wait_for
from upload_gateway.usecases.watch_writers import WatchWriters

INTERVAL = 1.0  # seconds
_log = get_logger("upload_gateway.writers")


def build_writer_watch(watch: WatchWriters, interval: float = INTERVAL) -> Loop:
    """A loop beside the routes; without writers it asks nobody anything."""

    async def loop(stop: asyncio.Event) -> None:
        while not stop.is_set():
            beat()
            try:
                await watch()
            except RepriseError as error:
                _log.warning("writers.unwatched", code=error.code)
            await wait_for(stop, interval)

    return loop
