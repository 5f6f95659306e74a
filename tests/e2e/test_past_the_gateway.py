"""Sign-upload, the bytes to the store, commit: through the edge, by a client that does as told."""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.e2e.client import ENDED, eventually, opened
from tests.e2e.operator_commands import reprise_json

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def examined(stack: Stack) -> dict[str, bool]:
    """What an operator's `doctor s3` found: nothing is offered before."""
    found = reprise_json(stack, "doctor", "s3", "--quick")
    assert found["kept"], "the gateway must learn of it"
    return {line["name"]: line["works"] for line in found["lines"]}


@pytest.fixture
def caller(stack: Stack) -> Iterator[httpx.Client]:
    with opened(stack.env) as client:
        yield client


def done(caller: httpx.Client, step: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = caller.request(step["method"], step["url"], json=(step["body"] or {}) | more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stored(caller: httpx.Client, upload: dict[str, Any]) -> dict[str, Any]:
    status = upload["status"]
    return eventually(
        lambda: caller.get(status["url"]).json(),
        lambda told: told["state"] in ENDED,
        within=20,
        saying="the upload should end",
    )


@pytest.mark.req("UPL-01")
def test_a_plain_client_walks_all_steps_through_the_edge(
    stack: Stack, caller: httpx.Client, examined: dict[str, bool]
) -> None:
    assert examined["digested_put"]
    body = b"fLaC\x00\x00\x00\x22" + hashlib.shake_256(b"through the edge").digest(200_000)
    digest = hashlib.sha256(body).hexdigest()
    asked = {"size": len(body), "file_name": "a.flac", "content_type": "audio/flac"}
    answer = eventually(
        lambda: caller.post("/api/v1/media/sign-upload", json=asked | {"sha256": digest}),
        lambda answer: answer.status_code == 200,
        within=60,
        saying="the gateway should hear of what was found",
    )
    upload = answer.json()
    for step in ("commit", "status", "abort"):
        assert upload[step]["url"].startswith(stack.env["REPRISE_URL"])
    sent = httpx.request(
        upload["method"], upload["url"], headers=upload["headers"], content=body, timeout=30
    )
    assert sent.status_code == 200, sent.text
    done(caller, upload["commit"])
    told = stored(caller, upload)
    assert (told["state"], told["sha256"]) == ("stored", digest)
    assert told["receipt"]
