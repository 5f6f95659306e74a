"""One request on its way through the store."""

from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web

from devstack.faults.s3.behaviour import Behaviour, Fault
from devstack.faults.s3.errors import Refused, not_implemented
from devstack.faults.s3.shelf import Shelf


@dataclass(slots=True)
class Asking:
    """What an operation needs: the request, the bucket's shelf, and what shall go wrong."""

    request: web.Request
    operation: str
    key: str
    query: dict[str, str]
    shelf: Shelf
    behaviour: Behaviour
    settings: dict[str, bytes]
    fault: Fault | None = None
    presigned: bool = False

    @property
    def upload_id(self) -> str:
        return self.query.get("uploadId", "")

    @property
    def part(self) -> int:
        """The part's number; raises Refused for one S3 does not know."""
        text = self.query.get("partNumber", "")
        if not text.isdecimal() or not 1 <= int(text) <= 10_000:
            raise Refused(400, "InvalidArgument", "Part number must be 1 to 10000.")
        return int(text)

    @property
    def source(self) -> str:
        """The key that is copied from."""
        return unquote(self.request.headers["x-amz-copy-source"]).lstrip("/").partition("/")[2]

    def require(self, *, offered: bool) -> None:
        if not offered:
            raise not_implemented()

    def require_condition(self, *, offered: bool) -> None:
        """`If-None-Match: *` and `If-Match` of a write; a store without them ignores both."""
        headers = self.request.headers
        held = self.shelf.objects.get(self.key)
        if not offered:
            return
        if headers.get("if-none-match") == "*" and held is not None:
            raise Refused(412, "PreconditionFailed")
        match = headers.get("if-match")
        if match is not None and (held is None or match.strip('"') != held.etag):
            raise Refused(412, "PreconditionFailed")
