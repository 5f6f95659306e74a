"""The few calls of the public API that the demo makes, each with a deadline."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urljoin

import httpx

from devstack.errors import DevstackError

Document = dict[str, Any]
_POLL = 0.1


class DemoApi:
    """A bearer's view through the one origin."""

    def __init__(self, origin: str, token: str) -> None:
        self.origin = origin
        self.headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=origin, timeout=30)

    def close(self) -> None:
        self._client.close()

    def upload(self, upload_id: str) -> Document:
        return self._json(f"/api/v1/uploads/{upload_id}")

    def asset(self, asset_id: str) -> Document | None:
        """Nothing while the catalog has not heard of it."""
        answer = self._client.get(f"/api/v1/user/assets/{asset_id}", headers=self.headers)
        return None if answer.status_code == 404 else _document(answer)

    def playback(self, asset_id: str, tier: str | None) -> Document:
        """A link to the bytes; without a tier the default one."""
        query = f"?tier={quote(tier)}" if tier else ""
        document = self._json(f"/api/v1/user/media/{asset_id}/url{query}")
        document["url"] = urljoin(self.origin, document["url"])
        return document

    def playback_when_known(self, asset_id: str, tier: str | None) -> Document:
        """Delivery learns of an asset by its own road, a moment after the catalog."""

        def ask() -> Document | None:
            try:
                return self.playback(asset_id, tier)
            except DevstackError:
                return None

        return wait_for(ask, 30) or self.playback(asset_id, tier)

    def part_size(self) -> int:
        """What the gateway says of its parts; the documented default when it does not say."""
        answer = self._client.get("/api/v1/uploads/config", headers=self.headers)
        known: Mapping[str, Any] = answer.json() if answer.status_code == 200 else {}
        return int(known.get("part_size") or known.get("chunk_size") or 8 * 2**20)

    def byte_range(self, url: str, first: int, last: int) -> httpx.Response:
        """One range, with the link alone: no bearer."""
        return self._client.get(url, headers={"Range": f"bytes={first}-{last}"})

    def _json(self, path: str) -> Document:
        return _document(self._client.get(path, headers=self.headers))


def wait_for(ask: Callable[[], Document | None], seconds: float) -> Document | None:
    """The first answer that is one, or nothing when the time is over."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None and time.monotonic() < deadline:
        time.sleep(_POLL)
    return answer


def _document(answer: httpx.Response) -> Document:
    if answer.status_code != 200:
        where = answer.request.url.path
        raise DevstackError(f"{where} answered {answer.status_code}: {answer.text[:300]}")
    document = answer.json()
    if not isinstance(document, dict):
        raise DevstackError(f"{answer.request.url.path} answered no object")
    return document
