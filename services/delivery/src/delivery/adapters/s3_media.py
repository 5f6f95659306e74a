"""Ranged reads from the store: aiohttp on presigned URLs, a pool of its own (storage.md 6)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from common.errors import Gone, RepriseError, Unavailable
from common.resilience import Policy, Resilience
from common.s3.presign import Presigner
from common.telemetry.logs import get_logger
from delivery.domain.byte_range import ByteRange
from delivery.domain.errors import ObjectChanged
from delivery.domain.media import StoredMedia

CONNECT_TIMEOUT = 3.0  # seconds
POOL_TIMEOUT = 5.0  # seconds for a connection, the wait for a free one in the pool included
READ_TIMEOUT = 30.0  # seconds without a byte
URL_LIFETIME = 300  # seconds; only the start of a read needs it
# bytes after which a read pauses; with all layers a stalled client was measured to hold ten times
# as much, and a larger one made no stream faster
READ_BUFFER = 64 * 1024
# what a viewer waits for at most before the first byte; a body is never cut by it
OPENING = Policy(attempts=3, attempt_timeout=4.0, total_timeout=8.0, longest_wait=1.0)
MAX_BREAKS = 3  # times in a row that a body may break without giving a byte
RESUME_PAUSE = 0.1  # seconds, doubled each time

_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)
_log = get_logger("delivery.store")


@asynccontextmanager
async def open_session(streams: int) -> AsyncIterator[aiohttp.ClientSession]:
    """The session of the data plane: at most `streams` bodies at once, nothing decoded."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=streams, keepalive_timeout=30),
        timeout=aiohttp.ClientTimeout(
            total=None, connect=POOL_TIMEOUT, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT
        ),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=READ_BUFFER,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    )
    async with session:
        yield session


@dataclass(frozen=True, slots=True)
class S3Media:
    """Single ranges with If-Match only: of more than that each store has its own idea."""

    session: aiohttp.ClientSession
    presigner: Presigner
    opening: Resilience = field(default_factory=lambda: Resilience(OPENING))

    @asynccontextmanager
    async def open(
        self, media: StoredMedia, wanted: ByteRange
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        response = await self._request(media, wanted)
        try:
            async with aclosing(self._bytes(media, wanted, response)) as chunks:
                yield chunks
        finally:
            response.close()  # an iterator that was never begun closes nothing

    async def _bytes(
        self, media: StoredMedia, wanted: ByteRange, response: aiohttp.ClientResponse
    ) -> AsyncGenerator[bytes, None]:
        position, breaks = wanted.first, 0
        try:
            while position <= wanted.last:
                try:
                    async for chunk in response.content.iter_any():
                        # a store that sends more than it said would shift everything after it
                        kept = chunk[: wanted.last + 1 - position]
                        position, breaks = position + len(kept), 0
                        yield kept
                except _BROKEN as error:
                    _log.warning("store.body_broken", error=type(error).__name__)
                if position <= wanted.last:
                    response.close()
                    breaks += 1
                    response = await self._resume(media, ByteRange(position, wanted.last), breaks)
        finally:
            # ends the read at once; a body read to its end has given its connection back
            response.close()

    async def _resume(
        self, media: StoredMedia, rest: ByteRange, breaks: int
    ) -> aiohttp.ClientResponse:
        if breaks > MAX_BREAKS:
            raise Unavailable("the store broke off", code="storage_unavailable")
        await asyncio.sleep(RESUME_PAUSE * 2 ** (breaks - 1))
        return await self._request(media, rest)

    async def _request(self, media: StoredMedia, wanted: ByteRange) -> aiohttp.ClientResponse:
        try:
            response = await self.opening.call(lambda: self._asked(media, wanted))
        except Unavailable as error:  # also when the store is not asked for a while
            raise Unavailable(
                "the store does not answer",
                code="storage_unavailable",
                retry_after=error.retry_after,
            ) from error
        refusal = _refusal(response, media, wanted)
        if refusal is not None:
            response.close()
            _log.warning("store.refused", status=response.status, code=refusal.code)
            raise refusal
        return response

    async def _asked(self, media: StoredMedia, wanted: ByteRange) -> aiohttp.ClientResponse:
        """Any answer but that of a store in trouble; what it says of this object is no outage."""
        url = self.presigner.get_url(media.key, expires=URL_LIFETIME)
        headers = {
            "Range": f"bytes={wanted.first}-{wanted.last}",
            "If-Match": f'"{media.etag}"',
            "Accept-Encoding": "identity",
        }
        try:
            # encoded: quoting the URL once more would break its signature
            response = await self.session.get(
                URL(url, encoded=True), headers=headers, allow_redirects=False
            )
        except _BROKEN as error:
            raise Unavailable from error
        if response.status >= 500:
            response.close()
            _log.warning("store.refused", status=response.status, code="storage_unavailable")
            raise Unavailable
        return response


def _refusal(
    response: aiohttp.ClientResponse, media: StoredMedia, wanted: ByteRange
) -> RepriseError | None:
    """None when the answer is exactly the bytes that were asked for."""
    if response.status == 206:
        right = response.headers.get("Content-Range") == wanted.content_range(media.size)
        return None if right else ObjectChanged("the store holds another version")
    if response.status == 404:
        return Gone("the bytes are not there any more")
    if response.status in {412, 416, 200}:
        return ObjectChanged("the store holds another version")
    if response.status in {401, 403}:
        return Unavailable("the store refuses us", code="storage_denied", retry_after=30)
    return Unavailable("the store does not answer", code="storage_unavailable")
