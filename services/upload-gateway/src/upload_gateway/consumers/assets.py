"""The catalog's facts as far as they concern uploads."""

from collections.abc import Awaitable, Callable

from common.events import Received, UploadDeduplicated
from common.ids import UploadId
from upload_gateway.usecases.mark_duplicate import MarkDuplicate

GROUP = "upload-gateway.assets"


def build_assets_handler(mark: MarkDuplicate) -> Callable[[Received], Awaitable[None]]:
    """UploadDeduplicated -> MarkDuplicate; all other facts are for others."""

    async def handle(received: Received) -> None:
        event = received.event
        if isinstance(event, UploadDeduplicated):
            await mark(UploadId(event.upload_id), event.duplicate_of)

    return handle
