"""A request's body as the use case reads it: straight into a buffer, nothing collected."""

from prometheus_client import Counter
from starlette.requests import Request

from upload_gateway.ports.body import BodyCut


class RequestBody:
    """Copies each chunk once; what does not fit waits for the next view.

    It asks the server itself, not `request.stream()`: a read that is given up leaves the bytes
    where they are, and a generator would be at its end.
    """

    def __init__(self, request: Request, received: Counter) -> None:
        self._receive = request.receive
        self._rest = memoryview(b"")
        self._ended = False
        self._received = received

    async def read_into(self, view: memoryview) -> int:
        while not self._rest:
            if self._ended:
                return 0
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BodyCut("client_gone")
            self._ended = not message.get("more_body", False)
            self._rest = memoryview(message.get("body", b""))
            self._received.inc(len(self._rest))
        taken = min(len(view), len(self._rest))
        view[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken
