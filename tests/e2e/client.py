"""A client of Reprise that knows only what its public API says: HTTP in, states and bytes out."""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tusclient.client import TusClient

T = TypeVar("T")
ENDED = {"stored", "rejected", "aborted", "expired", "duplicate", "withdrawn"}


def eventually(
    read: Callable[[], T], wanted: Callable[[T], bool], *, within: float, saying: str
) -> T:
    """Read until it is as wanted; fails with the last value seen."""
    deadline = time.monotonic() + within
    pause = 0.02
    while True:
        value = read()
        if wanted(value):
            return value
        assert time.monotonic() < deadline, f"{saying}: still {value!r} after {within} s"
        time.sleep(pause)
        pause = min(pause * 1.3, 0.25)


@contextmanager
def opened(env: Mapping[str, str], **headers: str) -> Iterator[httpx.Client]:
    """Plain HTTP to the one origin, as its administrator."""
    said = {"Authorization": f"Bearer {env['REPRISE_ADMIN_TOKEN']}", **headers}
    with httpx.Client(base_url=env["REPRISE_URL"], headers=said, timeout=30) as client:
        yield client


@dataclass(frozen=True)
class Upload:
    """An upload as its client knows it: where it goes and which ids it got."""

    location: str
    upload_id: str


def upload_at(location: str | None) -> Upload:
    """The upload behind an address; its last segment is the id."""
    assert location, "the server gave no Location"
    return Upload(location, location.rstrip("/").rsplit("/", 1)[1])


class Reprise:
    """One caller's view of the one origin."""

    def __init__(self, origin: str, token: str | None) -> None:
        self.origin = origin
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=origin, headers=self.headers, timeout=15)

    def close(self) -> None:
        self.http.close()

    def tus(self) -> TusClient:
        return TusClient(f"{self.origin}/files/", headers=self.headers)

    def upload(self, path: Path, *, kind: str, filetype: str, chunk: int = 1 << 22) -> Upload:
        metadata = {"filename": path.name, "filetype": filetype, "kind": kind}
        with path.open("rb") as source:  # tuspy leaves files that it opens itself open
            uploader = self.tus().uploader(file_stream=source, chunk_size=chunk, metadata=metadata)
            uploader.upload()
        return upload_at(uploader.url)

    def resume(self, path: Path, location: str, *, chunk: int = 1 << 22) -> int:
        """Send the rest knowing only the URL; returns the offset it began at."""
        with path.open("rb") as source:
            uploader = self.tus().uploader(file_stream=source, chunk_size=chunk, url=location)
            began: int = uploader.offset
            uploader.upload()
        return began

    def create(self, length: int, **metadata: str) -> httpx.Response:
        return self.http.post("/files/", headers=tus_headers(length, **metadata))

    def upload_status(self, upload_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1/uploads/{upload_id}")
        assert answer.status_code == 200, answer.text
        status: dict[str, Any] = answer.json()
        return status

    def ended(self, upload: Upload, *, within: float = 20) -> dict[str, Any]:
        return eventually(
            lambda: self.upload_status(upload.upload_id),
            lambda status: status["state"] in ENDED,
            within=within,
            saying="the upload should end",
        )

    def asset(self, asset_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1/user/assets/{asset_id}")
        if answer.status_code in {404, 410}:
            return {"state": f"http {answer.status_code}"}
        assert answer.status_code == 200, answer.text
        asset: dict[str, Any] = answer.json()
        return asset

    def asset_in(self, asset_id: str, *states: str, within: float = 60) -> dict[str, Any]:
        return eventually(
            lambda: self.asset(asset_id),
            lambda asset: asset["state"] in states,
            within=within,
            saying=f"the asset should become {' or '.join(states)}",
        )

    def finished(self, asset_id: str, *, within: float = 60) -> dict[str, Any]:
        """The asset once it is ready and none of its renditions is still planned."""
        return eventually(
            lambda: self.asset(asset_id),
            lambda asset: (
                asset["state"] == "ready"
                and all(item["state"] != "planned" for item in asset["renditions"])
            ),
            within=within,
            saying="every planned rendition should end",
        )

    def link(self, asset_id: str, tier: str) -> dict[str, Any]:
        answer = eventually(
            lambda: self.http.get(f"/api/v1/user/media/{asset_id}/url", params={"tier": tier}),
            lambda response: response.status_code == 200,
            within=20,
            saying=f"delivery should know tier {tier}",
        )
        link: dict[str, Any] = answer.json()
        return link


def tus_headers(length: int, **metadata: str) -> dict[str, str]:
    pairs = ",".join(
        f"{name} {b64encode(value.encode()).decode()}" for name, value in metadata.items()
    )
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length)}
    return headers | ({"Upload-Metadata": pairs} if pairs else {})


def patch_headers(offset: int) -> dict[str, str]:
    return {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }


def fetch(url: str, *, origin: str, byte_range: str | None = None) -> httpx.Response:
    """As an anonymous player would: nothing but the URL."""
    headers = {"Range": f"bytes={byte_range}"} if byte_range else {}
    return httpx.get(httpx.URL(origin).join(url), headers=headers, timeout=15)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
