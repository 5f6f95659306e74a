"""The records of one poll: all declarations in one transaction, then the orders among them."""

from collections.abc import Awaitable, Callable, Sequence

from common.events import AssetRegistered, Received, RenditionReady, UploadCompleted, UploadStarted
from janitor.consumers.declarations import declaration_of
from janitor.usecases.declare_objects import DeclareObjects

Handle = Callable[[Received], Awaitable[None]]


def build_together(
    declare: DeclareObjects, handle: Handle
) -> Callable[[Sequence[Received]], Awaitable[None]]:
    """`handle` takes what is no declaration.

    An object that is declared before an order of the same poll, instead of after it, ends in the
    same state: an order that ends its asset condemns it either way.
    """

    async def handle_many(batch: Sequence[Received]) -> None:
        declarations, others = [], []
        for received in batch:
            match received.event:
                case (
                    UploadStarted() | UploadCompleted() | AssetRegistered() | RenditionReady() as f
                ):
                    declarations.append(declaration_of(received, f))
                case _:
                    others.append(received)
        await declare(declarations)
        for received in others:
            await handle(received)

    return handle_many
