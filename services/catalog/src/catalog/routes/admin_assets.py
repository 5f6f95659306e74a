"""What operators read of all assets, and how they delete and restore them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response

from catalog.domain.errors import VersionMismatch
from catalog.domain.states import State
from catalog.routes.documents import admin_document
from catalog.routes.paging import DEFAULT_LIMIT, MAX_LIMIT, cut, decode_cursor
from catalog.routes.refusals import refusals
from catalog.routes.schemas import (
    AdminAssetDocument,
    AdminAssetPage,
    LookupAnswer,
    LookupRequest,
    LookupResponse,
)
from catalog.routes.versions import UNCACHED, etag_of, expected_version
from catalog.usecases.delete_asset import DeleteAsset
from catalog.usecases.describe_asset import DescribeAsset
from catalog.usecases.list_assets import ListAssets
from catalog.usecases.lookup_digests import LookupDigests
from catalog.usecases.restore_asset import RestoreAsset
from common.access import Viewer
from common.ids import AssetId, UserId
from common.web.callers import Caller, Callers, require
from common.web.problems import problem

IfMatch = Annotated[str | None, Header()]


def build_admin_assets(
    callers: Callers,
    *,
    describe: DescribeAsset,
    list_assets: ListAssets,
    delete: DeleteAsset,
    restore: RestoreAsset,
    lookup: LookupDigests,
) -> APIRouter:
    """`/api/v1/admin/assets`: every asset in every state, for the role admin only."""
    router = APIRouter(
        prefix="/api/v1/admin/assets", tags=["admin assets"], dependencies=[UNCACHED]
    )
    admin = Depends(require(callers, "admin"))

    @router.get("", responses=refusals(403, 422))
    async def list_all_assets(
        caller: Annotated[Caller, admin],
        state: State | None = None,
        user_id: UUID | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    ) -> AdminAssetPage:
        views = await list_assets(
            owner=UserId(user_id) if user_id else None,
            states=frozenset({state}) if state else None,
            after=decode_cursor(cursor),
            limit=limit + 1,
        )
        page, following = cut(views, limit)
        return AdminAssetPage(items=[admin_document(view) for view in page], next_cursor=following)

    @router.post("/lookup", responses=refusals(403, 422))
    async def look_up_digests(
        caller: Annotated[Caller, admin], asked: LookupRequest
    ) -> LookupResponse:
        found = await lookup(caller.user_id, asked.sha256)
        answers = [LookupAnswer(sha256=item, asset_id=found.get(item)) for item in asked.sha256]
        return LookupResponse(items=answers)

    @router.get("/{asset_id}", responses=refusals(403, 404, 422))
    async def get_any_asset(
        asset_id: UUID, caller: Annotated[Caller, admin], response: Response
    ) -> AdminAssetDocument:
        return await _described(asset_id, caller, response)

    @router.delete(
        "/{asset_id}",
        response_model=AdminAssetDocument,
        responses=refusals(403, 404, 409, 410, 412, 422),
    )
    async def delete_asset(
        asset_id: UUID,
        caller: Annotated[Caller, admin],
        response: Response,
        if_match: IfMatch = None,
    ) -> AdminAssetDocument | Response:
        refusal = await _changed(delete, asset_id, if_match)
        return refusal or await _described(asset_id, caller, response)

    @router.post(
        "/{asset_id}/restore",
        response_model=AdminAssetDocument,
        responses=refusals(403, 404, 409, 410, 412, 422),
    )
    async def restore_asset(
        asset_id: UUID,
        caller: Annotated[Caller, admin],
        response: Response,
        if_match: IfMatch = None,
    ) -> AdminAssetDocument | Response:
        refusal = await _changed(restore, asset_id, if_match)
        return refusal or await _described(asset_id, caller, response)

    async def _described(asset_id: UUID, caller: Caller, response: Response) -> AdminAssetDocument:
        view = await describe(AssetId(asset_id), Viewer(caller.user_id, admin=True))
        response.headers["ETag"] = etag_of(view.asset)
        return admin_document(view)

    return router


async def _changed(
    change: DeleteAsset | RestoreAsset, asset_id: UUID, if_match: str | None
) -> Response | None:
    """Carry it out; the 412 when somebody else changed the asset first."""
    try:
        await change(AssetId(asset_id), expected=expected_version(if_match))
    except VersionMismatch as error:
        return problem(412, error.code, error.detail)
    return None
