"""A multipart form read as it arrives: the parser is pushed, whoever reads pulls."""

from prometheus_client import Counter
from starlette.requests import Request

from common.errors import RepriseError
from upload_gateway.domain.errors import FormTooLarge, MalformedForm
from upload_gateway.ports.body import BodyCut
from upload_gateway.ports.writers import Writer
from upload_gateway.routes.form_events import FORM_ENDED, Event, FormEvents, PartHead, decoded

MAX_FIELD = 1024  # bytes of a part that is no file
# bytes parsed at once: bounds how many parts can wait to be read
_SLICE = 64 * 1024
# bytes behind the last part that are read to keep the connection; more of them end it
_EPILOGUE = 4096


class FormParts:
    """Holds what was parsed of one chunk, never a file; see ports.Form.

    `watch` holds the client to the stall timeout and the minimum rate, whatever part is read.
    `limit`: bytes of the whole form. Raises UnsupportedType or MalformedForm for another body.
    """

    def __init__(self, request: Request, watch: Writer, received: Counter, limit: int) -> None:
        self._events = FormEvents(request.headers.get("content-type", ""))
        self._request, self._watch, self._received = request, watch, received
        self._left = limit
        self._unparsed = memoryview(b"")
        self._over = self._inside = False
        self._failure: BodyCut | RepriseError | None = None

    async def following(self) -> PartHead | None:
        while True:
            event = await self._next()
            if isinstance(event, PartHead):
                self._inside = True
                return event
            if event == FORM_ENDED:
                self._events.give_back(event)
                await self._read_epilogue()
                return None

    async def opening(self, size: int) -> bytes:
        pieces: list[memoryview] = []
        held = 0
        while self._inside and held < size:
            event = await self._next()
            if not isinstance(event, memoryview):
                self._events.give_back(*pieces, event)
                break
            pieces.append(event)
            held += len(event)
        else:
            self._events.give_back(*pieces)
        return b"".join(pieces)[:size]

    async def read_into(self, view: memoryview) -> int:
        event = await self._next() if self._inside else None
        if not isinstance(event, memoryview):
            self._inside = False
            return 0
        taken = min(len(view), len(event))
        view[:taken] = event[:taken]
        if taken < len(event):
            self._events.give_back(event[taken:])
        return taken

    async def text(self) -> str:
        value = await self.opening(MAX_FIELD + 1)
        if len(value) > MAX_FIELD:
            raise MalformedForm(f"a field may have {MAX_FIELD} bytes", code="field_too_large")
        return decoded(value)

    async def _next(self) -> Event:
        while (event := self._events.take()) is None:
            if not self._unparsed:
                self._unparsed = memoryview(await self._chunk())
            piece, self._unparsed = self._unparsed[:_SLICE], self._unparsed[_SLICE:]
            self._events.push(bytes(piece))
        return event

    async def _read_epilogue(self) -> None:
        """The last bytes of the body, if they are few: else the connection ends with the answer."""
        read = 0
        while not self._over and read < _EPILOGUE:
            read += len(await self._chunk(bare=True))

    async def _chunk(self, *, bare: bool = False) -> bytes:
        """Some bytes; none only at the end of the body, where `bare` allows it."""
        if self._failure is not None:
            raise self._failure
        try:
            async with self._watch.reading():
                chunk = await self._received_chunk()
                self._watch.progressed(len(chunk))
            if not chunk and not bare:
                raise MalformedForm("the form ends in its middle", code="form_incomplete")
            self._left -= len(chunk)
            if self._left < 0:
                raise FormTooLarge
        except (BodyCut, RepriseError) as error:
            self._failure = error
            raise
        self._received.inc(len(chunk))
        return chunk

    async def _received_chunk(self) -> bytes:
        """Not by `request.stream()`, which is over for good when one of its reads is cancelled."""
        chunk = b""
        while not chunk and not self._over:
            message = await self._request.receive()
            if message["type"] == "http.disconnect":
                raise BodyCut("client_gone")
            chunk = message.get("body", b"")
            self._over = not message.get("more_body", False)
        return chunk
