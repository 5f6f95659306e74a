"""The transcoder's facts as far as owners of uploads hear of them."""

from collections.abc import Awaitable, Callable

from common.events import Received
from upload_gateway.consumers.following import follow_received
from upload_gateway.usecases.follow_asset import FollowAsset

GROUP = "upload-gateway.renditions"


def build_renditions_handler(follow: FollowAsset) -> Callable[[Received], Awaitable[None]]:
    """What a run planned, made and could not make -> FollowAsset."""

    async def handle(received: Received) -> None:
        await follow_received(follow, received)

    return handle
