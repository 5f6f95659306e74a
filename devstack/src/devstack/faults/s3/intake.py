"""Takes a body from the wire into a file, and refuses one that is not what was promised."""

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from os import SEEK_CUR
from pathlib import Path
from typing import BinaryIO

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from devstack.faults.s3.errors import Refused
from devstack.faults.s3.shelf import CHUNK, Held

_ZEROS = bytes(CHUNK)
_LITERAL = frozenset({"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})


class Cut(Exception):
    """The test asked to reset the connection at this byte of the body."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the headers say of the body; empty fields promise nothing."""

    length: int | None
    sha256_hex: str
    digests: dict[str, str]

    @property
    def digested(self) -> bool:
        return bool(self.sha256_hex or self.digests)


def promise_of(request: web.Request, *, digests: bool = True) -> Promise:
    """Without `digests` only the length counts."""
    headers = request.headers
    found = {
        name: headers[header]
        for name, header in {
            "md5": "content-md5",
            "sha256": "x-amz-checksum-sha256",
            "sha1": "x-amz-checksum-sha1",
            "crc32": "x-amz-checksum-crc32",
        }.items()
        if header in headers
    }
    declared = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    chunked = "aws-chunked" in headers.get("content-encoding", "")
    length = headers.get("x-amz-decoded-content-length" if chunked else "content-length")
    if length is None:
        raise Refused(411, "MissingContentLength")
    if not digests:
        return Promise(int(length), "", {})
    return Promise(int(length), "" if declared in _LITERAL else declared, found)


async def taken(
    request: web.Request,
    path: Path,
    *,
    cut_at: int | None,
    keep_short: bool,
    pad: bool,
    digests: bool = True,
) -> Held:
    """The body in a file.

    `cut_at` raises Cut after so many bytes. A body that ends early is Refused, unless `keep_short`
    and no digest came with it: then what came is kept, filled up with zeros where `pad` says so.
    Without `digests` none is looked at.
    """
    promise, sums, size = promise_of(request, digests=digests), _Sums(), 0
    with path.open("wb") as file:
        async for chunk in _body(request):
            _write(file, chunk)
            sums.update(chunk)
            size += len(chunk)
            if cut_at is not None and size >= cut_at:
                raise Cut
        file.truncate()
    etag = sums.md5.hexdigest()  # of what came: padding is not in it
    if promise.length is not None and size != promise.length:
        if promise.digested or not keep_short or size > promise.length:
            raise Refused(400, "IncompleteBody")
        if pad:
            with path.open("r+b") as file:
                file.truncate(promise.length)
            size = promise.length
    sums.check(promise)
    return Held((path,), size, etag, kept_headers(request))


def _write(file: BinaryIO, chunk: bytes) -> None:
    """What is zeros becomes a hole: a test may send more than the disk could hold."""
    if chunk == _ZEROS[: len(chunk)]:
        file.seek(len(chunk), SEEK_CUR)
    else:
        file.write(chunk)


def kept_headers(request: web.Request) -> dict[str, str]:
    """The headers that come back with the object."""
    names = ("content-type", "content-disposition", "cache-control", "content-encoding")
    kept = {name: request.headers[name] for name in names if name in request.headers}
    encoding = kept.pop("content-encoding", "").replace("aws-chunked", "").strip(", ")
    if encoding:
        kept["content-encoding"] = encoding
    kept.setdefault("content-type", "binary/octet-stream")
    meta = {n.lower(): v for n, v in request.headers.items() if n.lower().startswith("x-amz-meta-")}
    return kept | meta


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    raw = _raw(request)
    if "aws-chunked" in request.headers.get("content-encoding", ""):
        raw = _unchunked(raw)
    async for piece in raw:
        yield piece


async def _raw(request: web.Request) -> AsyncIterator[bytes]:
    try:
        while chunk := await request.content.read(CHUNK):
            yield chunk
    except (ConnectionError, HttpProcessingError, web.RequestPayloadError, OSError):
        return  # the length says that something is missing


async def _unchunked(raw: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces with their sizes in front (aws-chunked); the trailers behind them are read over."""
    waiting = b""
    left: int | None = None
    async for piece in raw:
        waiting += piece
        while waiting:
            if left is None:
                line, separator, rest = waiting.partition(b"\r\n")
                if not separator:
                    break
                waiting, left = rest, int(line.split(b";")[0], 16)
                if left == 0:
                    return
            elif len(waiting) < left + 2:
                break
            else:
                yield waiting[:left]
                waiting, left = waiting[left + 2 :], None


class _Sums:
    def __init__(self) -> None:
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._crc32 = 0

    def update(self, chunk: bytes) -> None:
        for sum_ in (self.md5, self._sha256, self._sha1):
            sum_.update(chunk)
        self._crc32 = zlib.crc32(chunk, self._crc32)

    def check(self, promise: Promise) -> None:
        if promise.sha256_hex and promise.sha256_hex != self._sha256.hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch")
        found = {
            "md5": self.md5.digest(),
            "sha256": self._sha256.digest(),
            "sha1": self._sha1.digest(),
            "crc32": self._crc32.to_bytes(4, "big"),
        }
        for name, expected in promise.digests.items():
            if base64.b64encode(found[name]).decode() != expected:
                raise Refused(400, "BadDigest")
