"""A browser takes a file straight to the store: from our own origin, and from nobody else's."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.clients.foreign import PATIENCE
from tests.clients.programs import program
from tests.clients.store import stored_sha256
from tests.e2e.client import eventually, opened
from tests.e2e.store import list_keys

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(240)]


@pytest.fixture
def caller(system: Stack) -> Iterator[httpx.Client]:
    with opened(system.env) as client:
        yield client


def signed(caller: httpx.Client, text: str) -> dict[str, Any]:
    said = {
        "size": len(text),
        "file_name": "set.flac",
        "content_type": "audio/flac",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    answer = caller.post("/api/v1/media/sign-upload", json=said)
    assert answer.status_code == 200, answer.text
    upload: dict[str, Any] = answer.json()
    return upload


def put_by_browser(node: str, page: str, upload: dict[str, Any], text: str) -> dict[str, Any]:
    request = {name: upload[name] for name in ("method", "url", "headers")} | {"text": text}
    done = subprocess.run(
        [
            program("node", "nodejs"),
            str(Path(node) / "send_presigned.mjs"),
            program("chromium", "chromium"),
            f"{page}/bare.html",
            json.dumps(request),
        ],
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.mark.req("UPL-22")
def test_a_page_of_ours_puts_a_file_into_the_store_and_commits_it(
    system: Stack, caller: httpx.Client, examined: dict[str, bool], pages: str, node: str
) -> None:
    assert examined["cors"]  # rules applied and read, a good and an evil preflight sent
    text = "fLaC" + "\0\0\0\x22" + "by a browser" * 5000
    upload = signed(caller, text)
    seen = put_by_browser(node, pages, upload, text)
    assert seen["status"] == 200
    assert seen["etag"]  # exposed to the page
    commit = caller.post(upload["commit"]["url"], json=upload["commit"]["body"])
    assert commit.status_code == 200, commit.text
    status = eventually(
        lambda: caller.get(upload["status"]["url"]).json(),
        lambda found: found["state"] not in {"created", "receiving", "verifying"},
        within=PATIENCE,
        saying="the upload should be stored",
    )
    assert status["state"] == "stored"
    sent = hashlib.sha256(text.encode()).hexdigest()
    assert stored_sha256(system.env, f"u/{status['asset_id']}/original-") == sent


@pytest.mark.req("UPL-22")
def test_a_page_of_anybody_else_cannot_use_the_same_address(
    system: Stack, caller: httpx.Client, examined: dict[str, bool], foreign_pages: str, node: str
) -> None:
    assert examined["cors"]
    text = "fLaC" + "\0\0\0\x22" + "by a stranger" * 5000
    upload = signed(caller, text)
    assert "refused" in put_by_browser(node, foreign_pages, upload, text)
    assert list_keys(system.env, upload["key"]) == []
