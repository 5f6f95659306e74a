"""media.uploads.v1: originals declared, and uploads whose bytes may go."""

from collections.abc import Awaitable, Callable

from common.events import (
    Received,
    UploadAborted,
    UploadCompleted,
    UploadExpired,
    UploadRejected,
    UploadStarted,
)
from janitor.consumers.declarations import declaration_of
from janitor.consumers.orders import OrderIntake
from janitor.usecases.declare_object import DeclareObject


def build_uploads_handler(
    declare: DeclareObject, intake: OrderIntake
) -> Callable[[Received], Awaitable[None]]:
    """A withdrawn upload is not an end here: its asset is the catalog's to delete."""

    async def handle(received: Received) -> None:
        match received.event:
            case UploadStarted() | UploadCompleted() as fact:
                await declare(declaration_of(received, fact))
            case UploadRejected() | UploadAborted() | UploadExpired() as fact:
                await intake(received, fact)

    return handle
