"""The operator API. Internal port only: the edge has no route to it, so it asks for no bearer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from common.ids import AssetId
from janitor.ports import Register
from janitor.routes.paging import after_key, before_purge, key_cursor, purge_cursor
from janitor.routes.schemas import ObjectPage, ObjectView, PurgePage, PurgeView

INTERNAL = {"x-role": "internal"}
Limit = Annotated[int, Query(ge=1, le=500, description="rows per page")]
Cursor = Annotated[str | None, Query(max_length=512, description="`next` of the page before")]


def build_ops_routes(register: Register) -> APIRouter:
    """Read only: nothing can be deleted through this API."""
    router = APIRouter(prefix="/api/v1/ops", tags=["operators"])

    @router.get("/objects", openapi_extra=INTERNAL)
    async def objects_of_asset(
        asset_id: UUID, cursor: Cursor = None, limit: Limit = 100
    ) -> ObjectPage:
        """Every object known of an asset, the deleted ones with their proof."""
        rows = await register.objects(AssetId(asset_id), after=after_key(cursor), limit=limit + 1)
        shown = rows[:limit]
        more = key_cursor(shown[-1].key) if len(rows) > limit else None
        return ObjectPage(items=tuple(map(ObjectView.of, shown)), next=more)

    @router.get("/purges", openapi_extra=INTERNAL)
    async def purges(cursor: Cursor = None, limit: Limit = 100) -> PurgePage:
        """Orders to delete, newest first, finished or not."""
        rows = await register.purges(before=before_purge(cursor), limit=limit + 1)
        shown = rows[:limit]
        more = purge_cursor(shown[-1]) if len(rows) > limit else None
        return PurgePage(items=tuple(map(PurgeView.of, shown)), next=more)

    return router
