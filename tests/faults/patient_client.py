"""A client as one should be: it retries what was not answered, and remembers what was."""

import time
from dataclasses import dataclass
from typing import Any

import httpx
from tests.e2e.client import (
    Reprise,
    eventually,
    fetch,
    patch_headers,
    sha256,
    tus_headers,
    upload_at,
)

from devstack.history.acks import Acks

PATIENCE = 60.0  # seconds until the system must have answered, whoever died meanwhile
_PAUSE = 0.05
_TRY_AGAIN = {409, 423, 429, 502, 503, 504}


@dataclass(frozen=True)
class Sent:
    """An upload that was acknowledged as stored."""

    asset_id: str
    upload_id: str
    data: bytes


class PatientClient:
    """Every method returns once the system has answered it; a retry is always safe (rule 9)."""

    def __init__(self, caller: Reprise, acks: Acks) -> None:
        self.caller, self.acks = caller, acks

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The first answer that is not about somebody being away."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.caller.http.request(method, path, **options)
                if answer.status_code not in _TRY_AGAIN:
                    return answer
                last = str(answer.status_code)
            except httpx.TransportError as error:
                last = type(error).__name__
            assert time.monotonic() < deadline, f"{method} {path}: {last} for {PATIENCE} s"
            time.sleep(_PAUSE)

    def create(self, data: bytes, name: str, kind: str, filetype: str) -> str:
        headers = tus_headers(len(data), filename=name, filetype=filetype, kind=kind)
        answer = self.ask("POST", "/files/", headers=headers)
        assert answer.status_code == 201, answer.text
        location: str = answer.headers["location"]
        self.acks.record("upload.created", upload_id=upload_at(location).upload_id)
        return location

    def send(self, location: str, data: bytes, *, until: int | None = None) -> None:
        """In pieces, each from where the server stands; nothing acknowledged is ever forgotten."""
        end, acknowledged = len(data) if until is None else until, 0
        while True:
            head = self.ask("HEAD", location, headers={"Tus-Resumable": "1.0.0"})
            assert head.status_code == 200, head.status_code
            offset = int(head.headers["upload-offset"])
            assert offset >= acknowledged, "acknowledged bytes were forgotten"
            if offset >= end:
                return
            piece = data[offset : min(end, offset + max(1, len(data) // 2))]
            try:
                answer = self.caller.http.patch(
                    location, headers=patch_headers(offset), content=piece
                )
            except httpx.TransportError:
                continue
            if answer.status_code == 204:
                acknowledged = int(answer.headers["upload-offset"])
                upload_id = upload_at(location).upload_id
                self.acks.record("upload.progress", upload_id=upload_id, offset=acknowledged)
            else:
                assert answer.status_code in _TRY_AGAIN, answer.text

    def upload(self, data: bytes, name: str, kind: str, filetype: str) -> Sent:
        """Returns when it is told to be stored, with the digest that was sent."""
        location = self.create(data, name, kind, filetype)
        self.send(location, data)
        return self.stored(location, data)

    def stored(self, location: str, data: bytes) -> Sent:
        """Returns when the upload is told to be stored, with the digest that was sent."""
        upload_id = upload_at(location).upload_id
        status = self.until(f"/api/v1/uploads/{upload_id}", "state", "stored")
        assert status["sha256"] == sha256(data)
        self.acks.record("upload.stored", upload_id=upload_id, asset_id=status["asset_id"])
        return Sent(status["asset_id"], upload_id, data)

    def abort(self, data: bytes, name: str, kind: str, filetype: str) -> str:
        """Begin an upload and end it by hand; its id."""
        location = self.create(data, name, kind, filetype)
        self.send(location, data, until=len(data) // 2)
        answer = self.ask("DELETE", location, headers={"Tus-Resumable": "1.0.0"})
        assert answer.status_code in {204, 404, 410}, answer.text
        return upload_at(location).upload_id

    def delete(self, sent: Sent) -> None:
        answer = self.ask("DELETE", f"/api/v1/admin/assets/{sent.asset_id}")
        assert answer.status_code in {200, 202, 204, 404, 410}, answer.text
        self.acks.record("asset.deleted", asset_id=sent.asset_id)

    def purged(self, sent: Sent) -> None:
        """Returns once its grace is over and nothing of it is left."""
        self.until(f"/api/v1/admin/assets/{sent.asset_id}", "state", "purged")

    def until(self, path: str, field: str, *values: str) -> dict[str, Any]:
        """The document once a field has one of these values."""

        def look() -> dict[str, Any]:
            answer = self.ask("GET", path)
            return answer.json() if answer.status_code == 200 else {field: answer.status_code}

        return eventually(
            look,
            lambda found: found[field] in values,
            within=PATIENCE,
            saying=f"{path} should say {field} {values}",
        )

    def finished(self, sent: Sent) -> dict[str, Any]:
        """The asset once it is ready and every planned rendition has ended well."""
        path = f"/api/v1/user/assets/{sent.asset_id}"

        def look() -> dict[str, Any]:
            return self.until(path, "state", "ready")

        return eventually(
            look,
            lambda asset: all(item["state"] == "ready" for item in asset["renditions"]),
            within=PATIENCE,
            saying="every planned rendition should be ready",
        )

    def unchanged(self, sent: Sent) -> None:
        """What is served is what was sent (I10)."""
        assert fetch(self.link(sent), origin=self.caller.origin).content == sent.data

    def link(self, sent: Sent) -> str:
        """Where the original is served."""
        path = f"/api/v1/user/media/{sent.asset_id}/url"
        link = eventually(
            lambda: self.ask("GET", path, params={"tier": "original"}),
            lambda answer: answer.status_code == 200,
            within=PATIENCE,
            saying="delivery should know the original",
        )
        url: str = link.json()["url"]
        return url
