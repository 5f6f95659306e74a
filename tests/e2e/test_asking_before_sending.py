"""What a client can learn through the edge before it sends a body."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from tests.e2e.client import opened

from devstack.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture
def uploader(stack: Stack) -> Iterator[httpx.Client]:
    with opened(stack.env, **{"Tus-Resumable": "1.0.0"}) as client:
        yield client


@contextmanager
def asked(client: httpx.Client, path: str, offset: int, size: int) -> Iterator[socket.socket]:
    """A PATCH that wants to be told to go on; its body is not sent."""
    url = urlsplit(str(client.base_url))
    lines = [
        f"PATCH {path} HTTP/1.1",
        f"Host: {url.netloc}",
        f"Authorization: {client.headers['authorization']}",
        "Tus-Resumable: 1.0.0",
        "Content-Type: application/offset+octet-stream",
        f"Upload-Offset: {offset}",
        f"Content-Length: {size}",
        "Expect: 100-continue",
        "Connection: close",
    ]
    with socket.create_connection((url.hostname or "", url.port or 80), timeout=20) as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        yield wire


def first_line(wire: socket.socket) -> str:
    """Of the next answer, which is read to the end of its headers."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = wire.recv(1)
        assert piece, "the edge hung up"
        head += piece
    return head.split(b"\r\n", 1)[0].decode()


def created(client: httpx.Client, length: int) -> str:
    answer = client.post("/files/", headers={"Upload-Length": str(length)})
    assert answer.status_code == 201, answer.text
    return httpx.URL(answer.headers["location"]).path


def test_a_client_that_asks_first_is_told_to_go_on(uploader: httpx.Client) -> None:
    path = created(uploader, 20)
    with asked(uploader, path, 0, 10) as wire:
        assert first_line(wire) == "HTTP/1.1 100 Continue"
        wire.sendall(bytes(10))
        assert first_line(wire).split()[1] == "204"


@pytest.mark.parametrize(("offset", "size", "status"), [(5, 5, "409"), (0, 21, "413")])
def test_a_refusal_comes_without_the_body_though_the_edge_says_go_on_by_itself(
    uploader: httpx.Client, offset: int, size: int, status: str
) -> None:
    """nginx answers the question before it passes the request on; the refusal needs no byte."""
    path = created(uploader, 20)
    with asked(uploader, path, offset, size) as wire:
        assert first_line(wire) == "HTTP/1.1 100 Continue"
        assert first_line(wire).split()[1] == status
    assert uploader.head(path).headers["upload-offset"] == "0"


def test_what_is_over_a_limit_is_refused_by_its_name_as_config_told(
    uploader: httpx.Client,
) -> None:
    told = uploader.get("/api/v1/uploads/config").json()
    largest = max(kind["max_size"] for kind in told["kinds"])
    over = {"Upload-Length": str(largest + 1), "Content-Length": "0"}
    refused = uploader.post("/files/", headers=over)
    assert refused.status_code == 413
    assert (refused.json()["limit"], refused.json()["allowed"]) == ("file_size", largest)
