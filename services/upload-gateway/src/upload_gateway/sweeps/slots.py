"""Keeps the slots of uploads that move, and tells how much is open."""

import asyncio
from collections.abc import Callable, Collection, Coroutine

from common.errors import RepriseError
from common.ids import UploadId
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.telemetry.metrics import Metrics
from common.web.loops import Loop, rest
from upload_gateway.ports.ledger import Ledger

_log = get_logger("upload_gateway.slots")
_LOOK = 15.0  # seconds between two looks at what is open: as often as metrics are read


def keep_slots(ledger: Ledger, active: Callable[[], Collection[UploadId]], lease: float) -> Loop:
    """A loop that renews the leases of this process's writers, thrice in the time of one."""

    async def loop(stop: asyncio.Event) -> None:
        while not stop.is_set():
            beat()
            if uploads := tuple(active()):
                await _tried("slots.not_renewed", ledger.renew(uploads))
            await rest(stop, lease / 3)

    return loop


def tell_what_is_open(ledger: Ledger, metrics: Metrics) -> Loop:
    """A loop that sets the gauges and drops leases that ran out long ago."""
    moving = metrics.gauge("moving_uploads", "Uploads that hold a slot.")
    uploads = metrics.gauge("open_uploads", "Uploads that have not all their bytes yet.")
    size = metrics.gauge("open_bytes", "Bytes declared by open uploads, or arrived so far.")

    stranded = metrics.gauge("stranded_uploads", "Uploads whose verification was given up.")

    async def look() -> None:
        now = await ledger.open_now()
        moving.set(now.moving)
        uploads.set(now.uploads)
        size.set(now.bytes)
        stranded.set(await ledger.stranded_now())
        await ledger.forget_leases()

    async def loop(stop: asyncio.Event) -> None:
        while not stop.is_set():
            beat()
            await _tried("slots.not_counted", look())
            await rest(stop, _LOOK)

    return loop


async def _tried(event: str, attempt: Coroutine[None, None, None]) -> None:
    try:
        await attempt
    except RepriseError as error:
        _log.warning(event, code=error.code)
