"""Hands facts about assets on to whoever follows them for the owners of uploads."""

from common.events import Received
from common.ids import AssetId
from common.telemetry.duplicates import absorbed
from upload_gateway.domain.journey import HEARD
from upload_gateway.usecases.follow_asset import FollowAsset, Heard


async def follow_received(follow: FollowAsset, received: Received) -> None:
    """Facts that nobody is told of cost nothing."""
    event, envelope = received.event, received.envelope
    if not isinstance(event, HEARD):
        return
    heard = Heard(
        AssetId(event.asset_id), event, event.TOPIC.name, envelope.sequence, envelope.time
    )
    if not await follow(heard):
        absorbed()
