"""`/robots.txt`: nothing of this origin is for search engines (DLV-47)."""

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

TEXT = "User-agent: *\nDisallow: /m/\nDisallow: /api/\nDisallow: /files/\n"


def build_robots_route() -> APIRouter:
    """The route."""
    router = APIRouter(tags=["media"])

    @router.get("/robots.txt", response_class=PlainTextResponse, openapi_extra={"x-role": "public"})
    async def robots() -> Response:
        return PlainTextResponse(TEXT, headers={"Cache-Control": "public, max-age=3600"})

    return router
