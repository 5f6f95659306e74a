"""Speaks tus by hand, so that a test can also speak it wrongly or stop in mid-sentence."""

import hashlib
import select
import socket
from base64 import b64encode
from typing import Any, Self
from uuid import UUID

import httpx

from gateway_support.real_gateway import RealGateway, eventually

BODY = {"Content-Type": "application/offset+octet-stream"}
ENDS = {"stored", "rejected", "aborted", "expired", "withdrawn", "duplicate"}


def flac(size: int, seed: str = "a") -> bytes:
    """Bytes that a sniffer takes for FLAC; different ones for each seed."""
    block = hashlib.shake_256(seed.encode()).digest(64 * 1024)
    body = b"fLaC\x00\x00\x00\x22" + block * (size // len(block) + 1)
    return body[:size]


def metadata(**pairs: str) -> str:
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in pairs.items())


AUDIO = metadata(filename="set.flac", filetype="audio/flac")


def create(client: httpx.Client, length: int, meta: str = AUDIO) -> str:
    """The path of a new upload."""
    answer = client.post("/files/", headers={"Upload-Length": str(length), "Upload-Metadata": meta})
    assert answer.status_code == 201, answer.text
    return httpx.URL(answer.headers["location"]).path


def patch(client: httpx.Client, path: str, offset: int, body: Any) -> httpx.Response:
    headers = BODY | {"Upload-Offset": str(offset)}
    return client.patch(path, headers=headers, content=body)


def offset(client: httpx.Client, path: str) -> int:
    answer = client.head(path)
    assert answer.status_code == 200, answer.status_code
    return int(answer.headers["upload-offset"])


def upload(client: httpx.Client, body: bytes, meta: str = AUDIO) -> str:
    path = create(client, len(body), meta)
    assert patch(client, path, 0, body).status_code == 204
    return path


def send_the_rest(client: httpx.Client, path: str, body: bytes) -> None:
    """As a client resumes: from whatever HEAD says."""
    at = offset(client, path)
    if at < len(body):
        assert patch(client, path, at, body[at:]).status_code == 204


def status(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/uploads/{id_of(path)}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(client: httpx.Client, path: str) -> dict[str, Any]:
    """Its status once it has ended."""
    eventually(lambda: status(client, path)["state"] in ENDS)
    return status(client, path)


def id_of(path: str) -> UUID:
    return UUID(path.rsplit("/", 1)[1])


def raw_post(gateway: RealGateway, head: dict[str, str], token: str | None = None) -> str:
    """What the gateway answers to the head of a creation whose body is never sent."""
    said = {
        "Host": f"127.0.0.1:{gateway.port}",
        "Authorization": f"Bearer {token or gateway.places.token()}",
        "Tus-Resumable": "1.0.0",
        "Connection": "close",
        **head,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        connection.sendall(f"POST /files/ HTTP/1.1\r\n{lines}\r\n".encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received.decode()


class RawPatch:
    """A PATCH over a bare socket: the body comes as slowly as the test wants, or never ends."""

    def __init__(
        self,
        gateway: RealGateway,
        path: str,
        at: int,
        size: int,
        token: str | None = None,
        **more: str,
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
        head = {
            "Host": f"127.0.0.1:{gateway.port}",
            "Authorization": f"Bearer {token or gateway.places.token()}",
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": str(at),
            "Content-Length": str(size),
            **BODY,
            **more,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self._socket.sendall(f"PATCH {path} HTTP/1.1\r\n{lines}\r\n".encode())

    def send(self, piece: bytes) -> None:
        self._socket.sendall(piece)

    def answered(self, patience: float) -> bool:
        """Whether something came back within so many seconds."""
        return bool(select.select([self._socket], [], [], patience)[0])

    def answer(self) -> str:
        """The first line and headers of the answer."""
        received = b""
        while b"\r\n\r\n" not in received and (piece := self._socket.recv(65536)):
            received += piece
        return received.decode()

    def cut(self) -> None:
        """Vanish without a word."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
