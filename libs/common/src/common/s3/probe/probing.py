"""What a probe asks with: the production client, plain HTTP, and keys nobody else has."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from common.clock import Clock, SystemClock
from common.errors import RepriseError
from common.ids import new_object_id
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.s3.presign import Presigner, host_header
from common.settings.groups import S3Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

TIMEOUT = 30.0  # seconds for one plain request
GONE_AFTER = 5.0  # seconds in which a store must have settled what became of a cut body
CLEARING = 60.0  # seconds for what is removed at the end; it must not hang on a store that does


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of plain HTTP; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator wants: the browser origins, whether to set rules, and the long lines."""

    origins: tuple[str, ...] = ()
    apply: bool = False
    large: bool = True
    patient: bool = True


@dataclass(frozen=True, slots=True)
class Probing:
    """Everything lies under `prefix`, and is removed afterwards by what `key` and `begin` noted.

    Not by a listing: a store that is probed may show too little of it, or nothing.
    """

    settings: S3Settings
    client: "S3Client"
    http: aiohttp.ClientSession
    prefix: str
    wishes: Wishes
    clock: Clock
    trust: ssl.SSLContext | None = None
    keys: set[str] = field(default_factory=set)
    multiparts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def bucket(self) -> str:
        return self.settings.bucket

    @property
    def store(self) -> ObjectStore:
        return ObjectStore(self.client, self.bucket)

    def key(self, name: str) -> str:
        key = f"{self.prefix}{name}"
        self.keys.add(key)
        return key

    async def begin(self, key: str, content_type: str) -> str:
        """Begin a multipart that is aborted at the latest with the probe; its upload id."""
        upload_id = await self.store.create_multipart(key, content_type)
        self.multiparts.append((key, upload_id))
        return upload_id

    def url(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        signed_ago: float = 0,
    ) -> str:
        """A presigned URL that lives for 60 s, signed `signed_ago` seconds before now."""
        clock = _Earlier(self.clock, timedelta(seconds=signed_ago)) if signed_ago else self.clock
        signer = Presigner(self.settings, for_origin="public", clock=clock)
        return signer.url(method, key, expires=60, query=query, headers=headers)

    async def send(
        self, method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A request by a plain client, which knows nothing but the URL."""
        address = URL(url, encoded=True)
        data = body if method == "PUT" else None
        async with self.http.request(
            method, address, data=data, headers=headers, allow_redirects=False
        ) as answer:
            names = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, names, await answer.read())

    async def cut(self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> None:
        """PUT half of a body and close cleanly, as a browser tab that vanishes does."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        reader, writer = await asyncio.open_connection(
            parts.hostname,
            parts.port or (443 if secure else 80),
            ssl=(self.trust or True) if secure else None,
        )
        with suppress(OSError):
            writer.write(put_head(url, len(body), headers or {}) + body[: len(body) // 2])
            await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await reader.read(100)
            writer.close()
            await writer.wait_closed()


def put_head(url: str, size: int, headers: Mapping[str, str]) -> bytes:
    """The head of a PUT as it goes over the wire; its Host is the one that was signed."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    host = host_header(parts.scheme, parts.netloc)
    fields = {"Host": host, "Content-Length": str(size), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"PUT {target} HTTP/1.1\r\n{lines}\r\n".encode()


class _Earlier:
    """A clock that is behind, for URLs that have expired already."""

    def __init__(self, clock: Clock, by: timedelta) -> None:
        self._clock, self._by = clock, by

    def now(self) -> datetime:
        return self._clock.now() - self._by

    def monotonic(self) -> float:
        return self._clock.monotonic()


@asynccontextmanager
async def open_probing(
    settings: S3Settings, wishes: Wishes, *, trust: ssl.SSLContext | None = None
) -> AsyncIterator[Probing]:
    """Clients for one probe; what it left under its prefix is removed at the end."""
    timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=TIMEOUT)
    connector = aiohttp.TCPConnector(ssl=trust or True)
    async with (
        open_s3(settings) as client,
        aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False) as http,
    ):
        prefix = f"doctor/{new_object_id()}/"
        probing = Probing(settings, client, http, prefix, wishes, SystemClock(), trust)
        try:
            yield probing
        finally:
            await _emptied(probing)


async def _emptied(probing: Probing) -> None:
    """Each by itself: what one refuses to go must not keep the others."""
    store = probing.store
    with suppress(TimeoutError):
        async with asyncio.timeout(CLEARING):
            for key, upload_id in probing.multiparts:
                with suppress(RepriseError):  # one that was completed is not there
                    await store.abort_multipart(key, upload_id)
            for key in sorted(probing.keys):
                with suppress(RepriseError):
                    await store.delete(key)
