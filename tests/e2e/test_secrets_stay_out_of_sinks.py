"""No token, signature or upload capability of a real journey stands in any log or record."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.e2e.client import Reprise, fetch

from common.events.topics import SERVICES
from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]


def test_no_token_or_signature_reaches_a_log(admin: Reprise, stack: Stack, tmp_path: Path) -> None:
    flac = media.make_flac(tmp_path / "quiet.flac", seconds=7)
    upload = admin.upload(flac, kind="audio", filetype="audio/flac")
    status = admin.ended(upload)
    admin.finished(status["asset_id"])
    url = admin.link(status["asset_id"], "original")["url"]
    assert fetch(url, origin=admin.origin).status_code == 200
    token = parse_qs(urlsplit(url).query)["t"][0]
    assert fetch(url[:-3], origin=admin.origin).status_code == 401
    bearer = admin.headers["Authorization"].removeprefix("Bearer ")
    canaries = {
        "media token": token,
        "bearer": bearer,
        "signature": "X-Amz-Signature=",
        "upload capability": upload.upload_id,
        "receipt": status["receipt"],
    }
    logs = sorted(Path(stack.env["REPRISE_LOG_DIR"]).glob("*.log"))
    assert len(logs) >= 8
    for log in logs:
        text = log.read_text(errors="replace")
        for name, canary in canaries.items():
            assert canary not in text, f"{name} stands in {log.name}"


def test_every_line_a_service_logs_is_json_with_its_name(stack: Stack) -> None:
    for service in SERVICES:
        lines = (Path(stack.env["REPRISE_LOG_DIR"]) / f"{service}.log").read_text().splitlines()
        assert lines
        for line in lines:
            assert json.loads(line)["service"] == service, line
