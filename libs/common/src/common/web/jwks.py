"""The issuer's published keys, held in memory so that judging a token needs no I/O.

A loop fetches them at its start, every five minutes, and when a token names a key that is not
there: at most twice a minute, however many such tokens come. The address comes from settings only;
a token never names one.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from common.clock import Clock, SystemClock
from common.errors import Unauthenticated, Unavailable
from common.telemetry import liveness, logs
from common.web.loops import wait_for

REFRESH, SOONEST = 300.0, 30.0  # seconds between fetches; between those that tokens provoke
TICK = 1.0  # second between looks at whether a fetch is due
TIMEOUT = 5.0  # seconds
MAX_DOCUMENT = 65_536  # bytes
_logger = logs.get_logger("jwks")

Fetch = Callable[[], Awaitable[bytes]]


def fetch_from(url: str) -> Fetch:
    """A bounded GET without redirects."""

    async def fetch() -> bytes:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise Unavailable(f"the issuer answered {answer.status}", code="keys_unavailable")
            return await answer.content.read(MAX_DOCUMENT + 1)

    return fetch


class IssuerKeys:
    """RSA signature keys by id."""

    def __init__(self, fetch: Fetch, *, clock: Clock | None = None) -> None:
        self._fetch = fetch
        self._clock = clock or SystemClock()
        self._keys: dict[str, RSAPublicKey] | None = None
        self._fetched_at = float("-inf")
        self._unknown = False

    def key(self, kid: object) -> RSAPublicKey:
        """The key of that id.

        Raises Unavailable before the first fetch, Unauthenticated for an id the issuer does not
        publish.
        """
        if self._keys is None:
            raise Unavailable("The issuer's keys are not known yet.", code="keys_unavailable")
        found = self._keys.get(kid) if isinstance(kid, str) else None
        if found is None:
            self._unknown = True
            raise Unauthenticated("The bearer token is not valid.")
        return found

    async def check(self) -> None:
        """Raise until keys were fetched once; for readiness."""
        if self._keys is None:
            raise Unavailable(code="keys_unavailable")

    async def refresh(self) -> None:
        """Fetch now; raises Unavailable and keeps the old keys when that fails."""
        self._fetched_at = self._clock.monotonic()
        self._unknown = False
        try:
            document = await self._fetch()
            self._keys = _signature_keys(document)
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            raise Unavailable(
                "The issuer's keys cannot be read.", code="keys_unavailable"
            ) from error

    async def loop(self, stop: asyncio.Event) -> None:
        """Keep the keys fresh until stopped."""
        while not stop.is_set():
            liveness.beat()
            if self._due():
                await self._refresh_quietly()
            await wait_for(stop, TICK)

    def _due(self) -> bool:
        age = self._clock.monotonic() - self._fetched_at
        if self._keys is None:
            return age >= TICK
        return age >= (SOONEST if self._unknown else REFRESH)

    async def _refresh_quietly(self) -> None:
        try:
            await self.refresh()
        except Unavailable as error:
            _logger.warning("jwks.unavailable", reason=str(error))


def _signature_keys(document: bytes) -> dict[str, RSAPublicKey]:
    if len(document) > MAX_DOCUMENT:
        raise ValueError("the document is too large")
    published = json.loads(document)
    entries = published.get("keys") if isinstance(published, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a key set")  # noqa: TRY004  (bad input, caught as such)
    keys = [_usable(entry) for entry in entries if isinstance(entry, dict)]
    return dict(filter(None, keys))


def _usable(entry: dict[str, Any]) -> tuple[str, RSAPublicKey] | None:
    if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
        return None
    if entry.get("alg", "RS256") != "RS256" or not isinstance(entry.get("kid"), str):
        return None
    key = jwt.PyJWK(entry, algorithm="RS256").key
    return (entry["kid"], key) if isinstance(key, RSAPublicKey) else None
