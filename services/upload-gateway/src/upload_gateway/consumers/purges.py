"""The janitor's facts as far as they concern uploads."""

from collections.abc import Awaitable, Callable

from common.events import AssetPurged, Received
from common.ids import AssetId
from upload_gateway.usecases.forget_name import ForgetName

GROUP = "upload-gateway.purges"


def build_purges_handler(forget: ForgetName) -> Callable[[Received], Awaitable[None]]:
    """AssetPurged -> ForgetName; all other facts are for others."""

    async def handle(received: Received) -> None:
        event = received.event
        if isinstance(event, AssetPurged):
            await forget(AssetId(event.asset_id))

    return handle
