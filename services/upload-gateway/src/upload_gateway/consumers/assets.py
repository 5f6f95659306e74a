"""The catalog's facts as far as they concern uploads."""

from collections.abc import Awaitable, Callable

from common.events import Received, UploadDeduplicated
from common.ids import UploadId
from upload_gateway.consumers.following import follow_received
from upload_gateway.usecases.follow_asset import FollowAsset
from upload_gateway.usecases.mark_duplicate import MarkDuplicate

GROUP = "upload-gateway.assets"


def build_assets_handler(
    mark: MarkDuplicate, follow: FollowAsset
) -> Callable[[Received], Awaitable[None]]:
    """UploadDeduplicated -> MarkDuplicate; the life of an asset -> FollowAsset."""

    async def handle(received: Received) -> None:
        event = received.event
        if isinstance(event, UploadDeduplicated):
            await mark(UploadId(event.upload_id), event.duplicate_of)
        else:
            await follow_received(follow, received)

    return handle
