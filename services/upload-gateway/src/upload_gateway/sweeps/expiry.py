"""The clock's way in: uploads that nobody continued, and what ended ones left behind."""

import asyncio

from common.errors import RepriseError
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.web.loops import Loop, rest
from upload_gateway.usecases.expire_uploads import ExpireUploads

_log = get_logger("upload_gateway.expiry")


def build_expiry_sweep(expire: ExpireUploads, interval: float) -> Loop:
    """A loop that sweeps every `interval` seconds; what is unavailable now comes next time."""

    async def loop(stop: asyncio.Event) -> None:
        while not stop.is_set():
            beat()
            await _sweep(expire)
            await rest(stop, interval)

    return loop


async def _sweep(expire: ExpireUploads) -> None:
    try:
        expired = await expire(beat)
    except RepriseError as error:
        _log.warning("expiry.incomplete", code=error.code)
        return
    if expired:
        _log.info("expiry.swept", expired=expired)
