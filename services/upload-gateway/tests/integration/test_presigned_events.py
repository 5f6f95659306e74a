"""The named log events of uploads past the gateway, one for each branch, and what they may hold."""

import json
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import httpx
import pytest
from gateway_support import presigned, tus
from gateway_support.places import Places
from gateway_support.presigned import ask, commit, ended, send, signed
from gateway_support.real_gateway import RealGateway, eventually, running
from pydantic import BaseModel, ConfigDict, TypeAdapter

from common.events import MediaKind

pytestmark = pytest.mark.integration
NAMED = ("media.sign_upload.", "media.commit.")
Code = str


class _Line(BaseModel):
    """What every line has."""

    model_config = ConfigDict(extra="forbid")
    service: Literal["upload-gateway"]
    level: Literal["info"]
    logger: str
    time: str
    request_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None


class _Upload(_Line):
    asset_id: UUID
    kind: MediaKind
    size: int


class Issued(_Upload):
    event: Literal["media.sign_upload.issued"]
    mode: Literal["put", "multipart"]


class Rejected(_Line):
    event: Literal["media.sign_upload.rejected"]
    reason: Code
    kind: MediaKind | None


class Ok(_Upload):
    event: Literal["media.commit.ok"]
    content_type: str


class RefusedCommit(_Line):
    event: Literal["media.commit.fail"]
    reason: Code


class FailedVerification(_Upload):
    event: Literal["media.commit.fail"]
    reason: Code


SCHEMA: TypeAdapter[Any] = TypeAdapter(Issued | Rejected | Ok | RefusedCommit | FailedVerification)


def told(gateway: RealGateway) -> list[Any]:
    """All named events so far, each as its schema has it."""
    lines = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    named = [line for line in lines if line["event"].startswith(NAMED)]
    return [SCHEMA.validate_python(line) for line in named]


def test_each_branch_tells_one_event_of_its_schema(signing_places: Places, log: Path) -> None:
    with running(signing_places, log) as gateway, gateway.client() as client:

        def last(event: str, reason: str | None = None) -> Any:
            found = [line for line in told(gateway) if line.event == event]
            assert found, f"{event} was not told"
            assert getattr(found[-1], "reason", None) == reason
            return found[-1]

        content, forged = tus.flac(2000, "told"), tus.flac(2000, "forged")
        upload = signed(client, content)
        issued = last("media.sign_upload.issued")
        assert (str(issued.asset_id), issued.mode) == (upload["asset_id"], "put")
        signed(client, content, mode="multipart")
        assert last("media.sign_upload.issued").mode == "multipart"
        assert ask(client, content, content_type="text/html", kind="image").status_code == 415
        assert last("media.sign_upload.rejected", "type_not_allowed").kind == "image"
        assert ask(client, content, kind="<script>").status_code == 415
        assert last("media.sign_upload.rejected", "type_not_allowed").kind is None
        assert ask(client, content, mode="put", sha256=None).status_code == 409
        last("media.sign_upload.rejected", "digest_needed")
        assert ask(client, content, size=-1).status_code == 422
        assert last("media.sign_upload.rejected", "invalid_request").kind is None
        assert client.post("/api/v1/media/commit", content=b"{").status_code == 422
        last("media.commit.fail", "invalid_request")

        assert commit(client, upload).status_code == 409
        last("media.commit.fail", "object_missing")
        send(upload, content)
        assert commit(client, upload).status_code == 200
        ended(client, upload)
        eventually(lambda: '"media.commit.ok"' in gateway.log())
        assert str(last("media.commit.ok").asset_id) == upload["asset_id"]

        page = b"<html>" * 50
        lied = signed(client, page)
        send(lied, page)
        assert commit(client, lied).status_code == 415
        last("media.commit.fail", "unrecognized_content")

        several = signed(client, forged, mode="multipart", sha256=presigned.sha256(content))
        presigned.send_all(client, several, forged)
        assert commit(client, several).status_code == 200
        assert ended(client, several)["reason"] == "checksum_mismatch"
        eventually(lambda: '"checksum_mismatch"' in gateway.log())
        assert str(last("media.commit.fail", "checksum_mismatch").asset_id) == several["asset_id"]

        for opened in (upload, lied, several):
            assert opened["upload_id"] not in gateway.log(), "its address is a capability"
        assert "X-Amz" not in gateway.log()


@pytest.mark.req("UPL-23")
def test_without_bucket_and_keys_it_starts_and_says_what_is_missing(
    signing_places: Places, log: Path
) -> None:
    nothing = dict.fromkeys(
        (
            "MEDIA_S3_ENDPOINT",
            "MEDIA_S3_ACCESS_KEY_ID",
            "MEDIA_S3_SECRET_ACCESS_KEY",
            "MEDIA_ASSETS_BUCKET",
        ),
        "",
    )
    with running(signing_places, log, **nothing) as gateway, gateway.client() as client:
        answer = ask(client, tus.flac(100))
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_not_configured")
        assert int(answer.headers["retry-after"]) > 0
        unknown = {"upload_id": str(UUID(int=4)), "parts": [{"number": 1}]}
        for path in ("commit", "parts"):
            body = unknown if path == "parts" else {"upload_id": unknown["upload_id"]}
            answer = client.post(f"/api/v1/media/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "storage_not_configured")
        check = client.get("/readyz").json()["checks"]["storage"]
        assert (check["ok"], check["reason"]) == (False, "storage_not_configured")
        metrics = httpx.get(f"{gateway.url}/metrics").text
        moved = 'outcome="storage_not_configured",step="sign_upload"} 1.0'
        assert f"media_upload_gateway_presigned_steps_total{{{moved}" in metrics
        told_ways = client.get("/api/v1/uploads/config").json()["presigned"]
        assert (told_ways["put"], told_ways["parts"]) == (False, False)
        (event,) = [e for e in told(gateway) if e.event == "media.sign_upload.rejected"]
        assert event.reason == "storage_not_configured"
