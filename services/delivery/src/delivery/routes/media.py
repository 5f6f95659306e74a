"""`GET|HEAD /m/<key>?t=<token>`: the stable public surface of all bytes (design §4)."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from prometheus_client import Counter
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from common.errors import RepriseError
from common.web.problems import problem, problem_response
from delivery.domain import cache_policy
from delivery.domain.byte_range import ByteRange
from delivery.domain.cache_policy import Headers
from delivery.domain.content import served_type
from delivery.domain.media import StoredMedia
from delivery.ports import MediaStore
from delivery.routes import headers
from delivery.routes.media_response import Body, MediaResponse
from delivery.routes.multipart import Multipart, new_boundary
from delivery.usecases.serve_media import MediaAnswer, MediaRequest, ServeMedia

_CAPABILITY = {"x-role": "capability"}
_ANSWERS: dict[int | str, dict[str, str]] = {
    200: {"description": "The whole file."},
    206: {"description": "One range, or two to eight as multipart/byteranges."},
    304: {"description": "The client has this version."},
    401: {"description": "`restricted`: no valid token. `expired`: ask for a fresh link."},
    404: {"description": "No object ever had this key."},
    410: {"description": "The link, or the media, is gone for good."},
    416: {"description": "No byte of the file is in the range."},
    503: {"description": "Not known here yet, or not to be judged now; try again."},
}


@dataclass(frozen=True, slots=True)
class MediaRoutes:
    """What the routes need beside their use case. `guards` go on every answer."""

    serve_media: ServeMedia
    store: MediaStore
    guards: Headers
    stall: float
    denials: Counter

    def router(self) -> APIRouter:
        """The routes of `/m/`."""
        router = APIRouter(tags=["media"])

        async def media(
            request: Request,
            key: str,
            t: Annotated[str | None, Query(description="The token of the link.")] = None,
        ) -> Response:
            return await self.answer(request, key, t)

        for method in ("GET", "HEAD"):
            router.add_api_route(
                "/m/{key:path}",
                media,
                methods=[method],
                response_class=Response,
                responses=_ANSWERS,
                operation_id=f"{method.lower()}_media",
                summary="The bytes of one object",
                openapi_extra=_CAPABILITY,
            )
        # an object and no function: such a route takes every method there is
        router.routes.append(Route("/m/{key:path}", _OtherMethods(self), include_in_schema=False))
        return router

    async def answer(self, request: Request, key: str, token: str | None) -> Response:
        """The response to one request; errors become refusals with the same guards."""
        wanted = MediaRequest(key, token, request.method, _joined(request))
        try:
            answer = await self.serve_media(wanted)
        except RepriseError as error:
            return self.refusal(error)
        match answer.status:
            case 304:
                return self._empty(answer)
            case 412:
                return self._problem(answer, "precondition_failed")
            case 416:
                size = answer.media.size
                return self._problem(
                    answer, "range_not_satisfiable", ("content-range", f"bytes */{size}")
                )
            case _:
                return self._body(answer, head_only=request.method == "HEAD")

    def refusal(self, error: RepriseError) -> Response:
        """A problem document with the guards; kept by nobody, or for a moment where it may."""
        self.denials.labels(error.code).inc()
        return problem_response(
            error, headers=headers.titled(cache_policy.of_refusal(error), self.guards)
        )

    def refuse_method(self) -> Response:
        """The answer to whatever is neither GET nor HEAD."""
        self.denials.labels("method_not_allowed").inc()
        extra = headers.titled(headers.ALLOW, cache_policy.NO_STORE, self.guards)
        return problem(405, "method_not_allowed", headers=extra)

    def _problem(self, answer: MediaAnswer, code: str, *extra: tuple[str, str]) -> Response:
        fields = headers.titled(headers.of_answer(answer), extra, self.guards)
        return problem(answer.status, code, headers=fields)

    def _empty(self, answer: MediaAnswer) -> Response:
        response = Response(status_code=answer.status)
        response.raw_headers = headers.raw(headers.of_answer(answer), self.guards)
        return response

    def _body(self, answer: MediaAnswer, *, head_only: bool) -> Response:
        media, ranges = answer.media, answer.ranges
        about: Headers = headers.of_answer(answer)
        if len(ranges) > 1:
            parts = Multipart(
                ranges, media.size, served_type(media.content_type)[0], new_boundary()
            )
            described = headers.of_body(media, parts.length, content_type=parts.content_type)
            return self._streamed(answer, (*described, *about), lambda: self._parts(media, parts))
        wanted = ranges[0] if ranges else ByteRange(0, media.size - 1)
        described = headers.of_body(media, wanted.length)
        if ranges:
            about = (("content-range", wanted.content_range(media.size)), *about)
        if head_only or wanted.length == 0:
            response = Response(status_code=answer.status)
            response.raw_headers = headers.raw(described, about, self.guards)
            return response
        return self._streamed(answer, (*described, *about), lambda: self._single(media, wanted))

    def _streamed(self, answer: MediaAnswer, fields: Headers, body: Body) -> Response:
        return MediaResponse(
            answer.status,
            headers.raw(fields, self.guards),
            body,
            stall=self.stall,
            refusal=self.refusal,
        )

    async def _single(self, media: StoredMedia, wanted: ByteRange) -> AsyncGenerator[bytes, None]:
        async with self.store.open(media, wanted) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _parts(self, media: StoredMedia, parts: Multipart) -> AsyncGenerator[bytes, None]:
        for head, wanted in parts.parts():
            async with self.store.open(media, wanted) as chunks:
                yield head
                async for chunk in chunks:
                    yield chunk
        yield parts.end


@dataclass(frozen=True, slots=True)
class _OtherMethods:
    """Any method, also one that nobody has heard of."""

    media: MediaRoutes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.media.refuse_method()(scope, receive, send)


def _joined(request: Request) -> Mapping[str, str]:
    """The request's fields, repeated lines joined: what RFC 9110 5.3 says they mean."""
    fields: dict[str, str] = {}
    for name, value in request.headers.items():
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields
