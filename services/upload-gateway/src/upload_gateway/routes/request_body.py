"""A request's body as the use case reads it: straight into a buffer, nothing collected."""

from collections.abc import AsyncIterator

from prometheus_client import Counter
from starlette.requests import ClientDisconnect, Request

from upload_gateway.ports import BodyCut


class RequestBody:
    """Copies each chunk once; what does not fit waits for the next view."""

    def __init__(self, request: Request, received: Counter) -> None:
        self._chunks: AsyncIterator[bytes] = request.stream()
        self._rest = memoryview(b"")
        self._received = received

    async def read_into(self, view: memoryview) -> int:
        while not self._rest:
            try:
                chunk = await anext(self._chunks, None)
            except ClientDisconnect as error:
                raise BodyCut("client_gone") from error
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
            self._received.inc(len(chunk))
        taken = min(len(view), len(self._rest))
        view[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken
