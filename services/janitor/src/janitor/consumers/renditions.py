"""media.renditions.v1: every rendition that was stored."""

from collections.abc import Awaitable, Callable

from common.events import Received, RenditionReady
from janitor.consumers.declarations import declaration_of
from janitor.usecases.declare_object import DeclareObject


def build_renditions_handler(declare: DeclareObject) -> Callable[[Received], Awaitable[None]]:
    """Outputs of attempts that failed are declared by nobody and are not known here."""

    async def handle(received: Received) -> None:
        match received.event:
            case RenditionReady() as fact:
                await declare(declaration_of(received, fact))

    return handle
