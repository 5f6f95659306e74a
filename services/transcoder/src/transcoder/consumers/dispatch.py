"""A table of event types -> a handler for the subscriber."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from common.events import Envelope, Event, Received

Handler = Callable[[Any, Envelope], Awaitable[None]]


def dispatch(handlers: Mapping[type[Event], Handler]) -> Callable[[Received], Awaitable[None]]:
    """Types that are not in the table are somebody else's business."""

    async def handle(received: Received) -> None:
        handler = handlers.get(type(received.event)) if received.event else None
        if handler is not None:
            await handler(received.event, received.envelope)

    return handle
