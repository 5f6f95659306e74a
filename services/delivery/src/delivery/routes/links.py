"""Links for signed-in callers: one for an asset or a key, many when old ones run out."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.responses import Response

from common.access import Viewer
from common.errors import RepriseError
from common.telemetry.logs import get_logger, log_event
from common.web.callers import Caller, Callers, require
from delivery.routes.schemas import LinkView, RefreshAnswer, RefreshedView, RefreshRequest
from delivery.usecases.issue_link import IssueLink, Link
from delivery.usecases.refresh_links import RefreshLinks

# the answers hold capabilities
_NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_log = get_logger("delivery.links")

TierParam = Annotated[
    str | None, Query(description="A name of the ladder, or low, medium, high, original.")
]
RedirectParam = Annotated[bool, Query(description="Answer 302 to the link instead of JSON.")]


@dataclass(frozen=True, slots=True)
class LinkRoutes:
    """The use cases behind the routes, and who is believed."""

    issue_link: IssueLink
    refresh_links: RefreshLinks
    callers: Callers

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["links"])
        SignedIn = Annotated[Caller, Depends(require(self.callers))]  # noqa: N806  (a type)

        @router.get("/api/v1/user/media/{asset_id}/url", response_model=LinkView)
        async def url_of_asset(
            asset_id: UUID,
            caller: SignedIn,
            tier: TierParam = None,
            redirect: RedirectParam = False,
        ) -> Response:
            link = self.issue_link(_viewer(caller), asset_id, tier)
            return await _issued(caller, str(asset_id), link, redirect=redirect)

        @router.get("/api/v1/media/url", response_model=LinkView)
        async def url_of_key(
            key: str, caller: SignedIn, redirect: RedirectParam = False
        ) -> Response:
            link = self.issue_link.for_key(_viewer(caller), key)
            return await _issued(caller, key, link, redirect=redirect)

        @router.post("/api/v1/media/refresh", response_model=RefreshAnswer)
        async def refresh(wanted: RefreshRequest, caller: SignedIn) -> Response:
            items = await self.refresh_links(
                _viewer(caller), keys=wanted.keys, assets=wanted.assets, tier=wanted.tier
            )
            for item in items:
                word, code = (
                    ("forbidden", item.refusal.code) if item.refusal else ("authorized", "")
                )
                log_event(
                    _log,
                    f"media.refresh.{word}",
                    media=item.asked,
                    user_id=str(caller.user_id),
                    code=code or None,
                )
            answer = RefreshAnswer(items=[RefreshedView.of(item) for item in items])
            return JSONResponse(answer.model_dump(mode="json"), headers=_NO_STORE)

        return router


async def _issued(
    caller: Caller, media: str, issuing: Awaitable[Link], *, redirect: bool
) -> Response:
    who = str(caller.user_id)
    try:
        link = await issuing
    except RepriseError as error:
        log_event(_log, "media.url.denied", media=media, user_id=who, code=error.code)
        raise
    mode = "private" if link.expires_at else "public"
    log_event(_log, "media.url.issued", media=media, user_id=who, tier=link.tier, mode=mode)
    if redirect:
        return RedirectResponse(link.url, 302, headers=_NO_STORE)
    return JSONResponse(LinkView.of(link).model_dump(mode="json"), headers=_NO_STORE)


def _viewer(caller: Caller) -> Viewer:
    return Viewer(caller.user_id, admin=caller.admin)
