"""What every answer under /files/ has in common: the protocol's version, asked for and said."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.web.problems import problem
from upload_gateway.routes.tus_headers import VERSION

_PREFIX = "/files/"


class TusProtocol:
    """Refuses another version with 412 before anything is done, and adds Tus-Resumable to answers.

    A POST may stand for a PATCH or a DELETE where a network lets no other method through.

    Pure ASGI, so that it touches neither body nor disconnects.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PREFIX):
            await self._app(scope, receive, send)
            return

        async def versioned(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["tus-resumable"] = VERSION
            await send(message)

        app = self._app if _speaks(scope) else _REFUSAL
        await app(_meant(scope), receive, versioned)


_REFUSAL = problem(
    412,
    "tus_version",
    f"This server speaks tus {VERSION}.",
    headers={"Tus-Version": VERSION},
)


def _meant(scope: Scope) -> Scope:
    """The request under the method that `X-HTTP-Method-Override` names; no other is obeyed."""
    named = Headers(scope=scope).get("x-http-method-override", "").strip().upper()
    if scope["method"] != "POST" or named not in {"PATCH", "DELETE"}:
        return scope
    return {**scope, "method": named}


def _speaks(scope: Scope) -> bool:
    """OPTIONS asks for the versions, so it cannot be held to one."""
    return scope["method"] == "OPTIONS" or Headers(scope=scope).get("tus-resumable") == VERSION
