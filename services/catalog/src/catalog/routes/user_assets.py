"""What an owner reads of their own assets."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from catalog.domain.viewing import LISTED
from catalog.routes.documents import document
from catalog.routes.paging import DEFAULT_LIMIT, MAX_LIMIT, cut, decode_cursor
from catalog.routes.refusals import refusals
from catalog.routes.schemas import AssetDocument, AssetPage
from catalog.routes.versions import UNCACHED, etag_of
from catalog.usecases.describe_asset import DescribeAsset
from catalog.usecases.list_assets import ListAssets
from common.access import Viewer
from common.ids import AssetId
from common.web.callers import Caller, Callers, require


def build_user_assets(
    callers: Callers, *, describe: DescribeAsset, list_assets: ListAssets
) -> APIRouter:
    """`/api/v1/user/assets`: the caller's own, without the dead ones."""
    router = APIRouter(prefix="/api/v1/user/assets", tags=["assets"], dependencies=[UNCACHED])
    user = Depends(require(callers))

    @router.get("", responses=refusals(422))
    async def list_my_assets(
        caller: Annotated[Caller, user],
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    ) -> AssetPage:
        views = await list_assets(
            owner=caller.user_id,
            states=LISTED,
            after=decode_cursor(cursor),
            limit=limit + 1,
        )
        page, following = cut(views, limit)
        return AssetPage(items=[document(view) for view in page], next_cursor=following)

    @router.get("/{asset_id}", responses=refusals(404, 410, 422))
    async def get_my_asset(
        asset_id: UUID, caller: Annotated[Caller, user], response: Response
    ) -> AssetDocument:
        view = await describe(AssetId(asset_id), Viewer(caller.user_id, admin=caller.admin))
        response.headers["ETag"] = etag_of(view.asset)
        return document(view)

    return router
