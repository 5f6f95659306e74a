"""What python-multipart tells of a form, as the events that its reader waits for."""

import logging
from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from common.errors import UnsupportedType
from upload_gateway.domain.errors import MalformedForm

MAX_HEADERS = 8  # of one part
MAX_HEADER = 4096  # bytes of one of them
MAX_BOUNDARY = 70  # characters (RFC 2046)

# what a client writes wrongly is answered; it is nothing to warn an operator of
logging.getLogger("python_multipart").setLevel(logging.ERROR)

PART_ENDED: Final = "part ended"
FORM_ENDED: Final = "form ended"


@dataclass(frozen=True, slots=True)
class PartHead:
    """What a part says of itself; see ports.FormPart."""

    name: str
    file_name: str | None
    content_type: str | None


Event = PartHead | memoryview | Literal["part ended", "form ended"]


class FormEvents:
    """Push bytes, take events; what fails is told when its turn comes, after all before it."""

    def __init__(self, content_type: str) -> None:
        """Raises UnsupportedType or MalformedForm for what is not the head of a form."""
        self._waiting: deque[Event] = deque()
        self._failure: MalformedForm | None = None
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._parser = MultipartParser(
            _boundary(content_type),
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_head,
                "on_part_data": self._on_data,
                "on_part_end": lambda: self._waiting.append(PART_ENDED),
                "on_end": lambda: self._waiting.append(FORM_ENDED),
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER,
        )

    def push(self, piece: bytes) -> None:
        """Parse what arrived; nothing more is parsed after a failure."""
        try:
            self._parser.write(piece)
        except FormParserError:
            # the library's words repeat what was sent
            self._failure = MalformedForm("the body is no multipart form")
        except MalformedForm as error:
            self._failure = error

    def take(self) -> Event | None:
        """The next event; None when more bytes are needed. Raises MalformedForm for good."""
        if self._waiting:
            return self._waiting.popleft()
        if self._failure is not None:
            raise self._failure
        return None

    def give_back(self, *events: Event) -> None:
        """These come first, in this order."""
        self._waiting.extendleft(reversed(events))

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _on_head(self) -> None:
        kind, options = parse_options_header(
            self._headers.get(b"content-disposition", b"").decode("latin-1")
        )
        if kind != b"form-data" or b"name" not in options:
            raise MalformedForm("a part of the form has no name")
        file_name, declared = options.get(b"filename"), self._headers.get(b"content-type")
        self._waiting.append(
            PartHead(
                name=decoded(options[b"name"]),
                # browsers and curl write a quote like this
                file_name=None if file_name is None else decoded(file_name).replace("%22", '"'),
                content_type=None if declared is None else decoded(declared),
            )
        )

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._waiting.append(memoryview(data)[start:end])


def decoded(text: bytes) -> str:
    """UTF-8, as the standard wants it; else a letter for each byte, and nothing is refused."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _boundary(content_type: str) -> bytes:
    essence, options = parse_options_header(content_type)
    if essence != b"multipart/form-data":
        raise UnsupportedType("Content-Type must be multipart/form-data", code="wrong_content_type")
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= MAX_BOUNDARY:
        raise MalformedForm("the form names no boundary, or a long one")
    return boundary
