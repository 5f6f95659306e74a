"""Lets web pages of named origins in: CORS for the routes that browsers use (protocols.md 1.3)."""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
MAX_AGE = 7200  # seconds; browsers remember no longer
_ALLOWED = (
    "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "Range",
    "Tus-Resumable", "Upload-Checksum", "Upload-Complete", "Upload-Concat", "Upload-Defer-Length",
    "Upload-Length", "Upload-Metadata", "Upload-Offset", "X-HTTP-Method-Override", "X-Request-ID",
    "X-Requested-With", "traceparent",
)  # fmt: skip
_EXPOSED = (
    "Location", "Retry-After", "Tus-Checksum-Algorithm", "Tus-Extension", "Tus-Max-Size",
    "Tus-Resumable", "Tus-Version", "Upload-Complete", "Upload-Concat", "Upload-Defer-Length",
    "Upload-Expires", "Upload-Length", "Upload-Limit", "Upload-Metadata", "Upload-Offset",
    "X-Request-ID", "ETag",
)  # fmt: skip


class WebOrigins:
    """Says to the browser of an allowed origin what it may send and read; to others nothing.

    `origins` are exact; there is no wildcard, and no credentials but the bearer that a page sends
    itself. Under `paths` every answer varies with the origin. A preflight is answered here, except
    under `answering`, whose routes answer OPTIONS with facts of their own. Pure ASGI, so that it
    touches neither bodies nor disconnects.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Iterable[str],
        paths: tuple[str, ...],
        answering: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._paths, self._answering = paths, answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._paths):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        said = self._said(scope["method"], headers, origin)

        async def sharing(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.add_vary_header("Origin")
                answer.update(said)
            await send(message)

        preflight = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if preflight and said and not scope["path"].startswith(self._answering):
            await sharing({"type": "http.response.start", "status": 204, "headers": []})
            await sharing({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, sharing)

    def _said(self, method: str, headers: Headers, origin: str) -> dict[str, str]:
        if origin not in self._origins:
            return {}
        said = {"Access-Control-Allow-Origin": origin}
        if method == "OPTIONS" and "access-control-request-method" in headers:
            return said | {
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": ", ".join(_ALLOWED),
                "Access-Control-Max-Age": str(MAX_AGE),
            }
        return said | {"Access-Control-Expose-Headers": ", ".join(_EXPOSED)}
