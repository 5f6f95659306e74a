"""The clock's way in for what is kept for owners alone: old entries go, and names of old ends."""

import asyncio
from datetime import timedelta

from common.clock import Clock
from common.errors import RepriseError
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.web.loops import Loop, rest
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.telling import Feed

_log = get_logger("upload_gateway.forgetting")


def build_forgetting(
    feed: Feed, ledger: Ledger, clock: Clock, kept: timedelta, interval: float
) -> Loop:
    """A loop that looks every `interval` seconds, and at once again while there is more."""

    async def loop(stop: asyncio.Event) -> None:
        while not stop.is_set():
            beat()
            gone = 0
            try:
                before = clock.now() - kept
                gone = await feed.forget(before) + await ledger.forget_names(before)
            except RepriseError as error:
                _log.warning("telling.not_forgotten", code=error.code)
            if not gone:
                await rest(stop, interval)

    return loop
