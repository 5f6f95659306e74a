import hashlib

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB

pytestmark = pytest.mark.integration


def test_a_length_may_come_with_the_last_request(client: httpx.Client) -> None:
    body = tus.flac(7 * MIB + 11, "deferred")
    headers = {"Upload-Defer-Length": "1", "Upload-Metadata": tus.AUDIO}
    made = client.post("/files/", headers=headers)
    assert made.status_code == 201
    path = httpx.URL(made.headers["location"]).path
    assert tus.patch(client, path, 0, body[: 6 * MIB]).status_code == 204
    head = client.head(path)
    assert (head.headers["upload-offset"], head.headers["upload-defer-length"]) == (
        str(6 * MIB),
        "1",
    )
    assert "upload-length" not in head.headers
    assert tus.status(client, path)["length"] is None
    last = tus.BODY | {"Upload-Offset": str(6 * MIB), "Upload-Length": str(len(body))}
    assert client.patch(path, headers=last, content=body[6 * MIB :]).status_code == 204
    assert client.head(path).headers["upload-length"] == str(len(body))
    assert tus.ended(client, path)["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_length_may_come_after_all_bytes_and_not_twice(client: httpx.Client) -> None:
    body = tus.flac(300_000, "deferred and empty")
    headers = {"Upload-Defer-Length": "1", "Upload-Metadata": tus.AUDIO, **tus.BODY}
    made = client.post("/files/", headers=headers, content=body)
    path = httpx.URL(made.headers["location"]).path
    assert made.headers["upload-offset"] == str(len(body))
    said = tus.BODY | {"Upload-Offset": str(len(body)), "Upload-Length": str(len(body))}
    assert client.patch(path, headers=said).status_code == 204
    other = said | {"Upload-Length": str(len(body) + 1)}
    assert client.patch(path, headers=other).json()["code"] == "length_mismatch"
    assert tus.ended(client, path)["sha256"] == hashlib.sha256(body).hexdigest()
