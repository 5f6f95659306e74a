"""The one look of a process for all its event streams, and their end when it drains."""

import asyncio
from collections.abc import Callable

from common.errors import RepriseError
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.web.health import Health
from common.web.loops import Loop, wait_for
from upload_gateway.usecases.feed_listeners import FeedListeners

INTERVAL = 0.4  # seconds; twice in the second in which whoever watches an upload is to hear of it
_log = get_logger("upload_gateway.listeners")


def build_feeding(
    feed: FeedListeners, end: Callable[[], None], health: Health, interval: float = INTERVAL
) -> Loop:
    """A loop beside the routes.

    While the database is away streams stay open and say that they live. Once the process drains
    they end, and their readers go elsewhere.
    """

    async def loop(stop: asyncio.Event) -> None:
        trouble = False
        while not (stop.is_set() or health.draining):
            beat()
            try:
                await feed()
                trouble = False
            except RepriseError as error:
                if not trouble:
                    _log.warning("streams.unfed", code=error.code)
                trouble = True
            await wait_for(stop, interval)
        end()
        await stop.wait()

    return loop
