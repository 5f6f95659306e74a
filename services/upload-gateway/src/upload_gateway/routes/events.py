"""One stream per person: every change of their uploads, as it happens, on any process."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header

from common.ids import UserId
from common.web.callers import Caller, Callers, require
from upload_gateway.ports.telling import Listener
from upload_gateway.routes.event_stream import EventStream, event
from upload_gateway.routes.refusals import refusals
from upload_gateway.routes.schemas import (
    AssetChange,
    Progress,
    Snapshot,
    UploadChange,
    status_of,
)
from upload_gateway.usecases.follow_uploads import Beginning, FollowUploads

_DESCRIPTION = """Server-sent events, read with `fetch` (an `EventSource` cannot send a bearer).

| event | data | when |
|---|---|---|
| `snapshot` | `Snapshot` | first, unless `Last-Event-ID` is still known: then nothing was missed |
| `upload` | `UploadChange` | an upload changed its state; `stored`, `rejected`, `aborted`, \
`expired`, `duplicate` and `withdrawn` end it |
| `asset` | `AssetChange` | a step of what is made of a stored upload, up to `ready` or `failed` |
| `progress` | `Progress` | at least once a second while bytes of an upload arrive; without an id |

`id` numbers the changes of one person: come back with the last one as `Last-Event-ID`, at any
process, and every change since then follows. A comment is said in silence. The stream ends after a
while and when its process stops: come back after the milliseconds that `retry` names. Streams of
one person are limited: 429 `too_many_streams`."""


@dataclass(frozen=True, slots=True)
class Streaming:
    """What the route needs: a place, where to begin, and how long (seconds)."""

    open: Callable[[UserId], AbstractAsyncContextManager[Listener]]
    follow: FollowUploads
    life: float
    heartbeat: float


def build_event_routes(streaming: Streaming, callers: Callers) -> APIRouter:
    """Must come before the routes of single uploads, whose ids it would be taken for."""
    router = APIRouter(prefix="/api/v1/uploads", tags=["uploads"])
    user = require(callers)
    said: dict[int | str, dict[str, Any]] = {
        200: {
            "model": Snapshot | UploadChange | AssetChange | Progress,
            "description": "Events, each with one of these as its data.",
        }
    }

    @router.get(
        "/events",
        status_code=200,
        response_class=EventStream,
        responses=said | refusals(401, 422, 429),
        description=_DESCRIPTION,
    )
    async def events(
        caller: Annotated[Caller, Depends(user)],
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> EventStream:
        async with AsyncExitStack() as places:
            listener = await places.enter_async_context(streaming.open(caller.user_id))
            beginning = await streaming.follow(listener, _number(last_event_id))
            return EventStream(
                listener,
                _first(beginning),
                places.pop_all(),
                life=streaming.life,
                heartbeat=streaming.heartbeat,
            )

    return router


def _number(text: str | None) -> int | None:
    """What cannot be a number of ours was never given: its reader begins anew."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else -1


def _first(beginning: Beginning | None) -> bytes:
    if beginning is None:
        return b""
    standing = beginning.standing
    journeys = {journey.asset_id: journey for journey in standing.journeys}
    uploads = [status_of(one, journeys.get(one.asset_id)) for one in standing.uploads]
    snapshot = Snapshot(missed=beginning.missed, more=standing.more, uploads=uploads)
    return event("snapshot", snapshot, standing.last)
