"""Where an upload stands, one or all of a person's."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from common.ids import AssetId
from common.web.callers import Caller, Callers, require
from common.web.cursors import BadCursor
from upload_gateway.domain.upload import State
from upload_gateway.routes.refusals import refusals
from upload_gateway.routes.schemas import UploadPage, UploadStatus, described, status_of
from upload_gateway.routes.uploads import upload_id_of
from upload_gateway.usecases.describe_upload import DescribeUpload
from upload_gateway.usecases.list_uploads import ListUploads


def build_status_routes(
    describe: DescribeUpload, list_uploads: ListUploads, callers: Callers
) -> APIRouter:
    """Owners see their own; another one's upload is answered as one that never was."""
    router = APIRouter(prefix="/api/v1/uploads", tags=["uploads"])
    user = require(callers)

    @router.get("", responses=refusals(400, 401, 422))
    async def page(
        response: Response,
        caller: Annotated[Caller, Depends(user)],
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
        state: Annotated[
            list[State], Query(description="Only uploads in one of these states; may be repeated.")
        ] = [],  # noqa: B006  (FastAPI copies it)
    ) -> UploadPage:
        response.headers["Cache-Control"] = "no-store"
        page = await list_uploads(caller.user_id, _after(cursor), limit, state)
        items = [status_of(upload, page.journeys.get(upload.asset_id)) for upload in page.uploads]
        return UploadPage(items=items, next=str(page.next) if page.next else None)

    @router.get("/{upload_id}", responses=refusals(401, 404, 422))
    async def one(
        upload_id: str, response: Response, caller: Annotated[Caller, Depends(user)]
    ) -> UploadStatus:
        response.headers["Cache-Control"] = "no-store"
        return described(await describe(upload_id_of(upload_id), caller.user_id))

    return router


def _after(cursor: str | None) -> AssetId | None:
    """The cursor is the asset id of a page's last upload: it grows with time."""
    if cursor is None:
        return None
    try:
        return AssetId(UUID(cursor))
    except ValueError as error:
        raise BadCursor from error
