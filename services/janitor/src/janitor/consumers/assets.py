"""media.assets.v1: the catalog's word on what lives and what may go."""

from collections.abc import Awaitable, Callable

from common.events import AssetPurgeDue, AssetRegistered, ObjectsPurgeDue, Received
from janitor.consumers.declarations import declaration_of
from janitor.consumers.orders import OrderIntake
from janitor.usecases.declare_object import DeclareObject


def build_assets_handler(
    declare: DeclareObject, intake: OrderIntake
) -> Callable[[Received], Awaitable[None]]:
    """AssetDeleted is no permission: within the grace the asset may come back."""

    async def handle(received: Received) -> None:
        match received.event:
            case AssetRegistered() as fact:
                await declare(declaration_of(received, fact))
            case AssetPurgeDue() | ObjectsPurgeDue() as fact:
                await intake(received, fact)

    return handle
