"""Writes multipart forms, whole or piece by piece, as slowly or as wrongly as a test wants."""

import hashlib
import re
import select
import socket
from collections.abc import Iterator
from typing import Any, Self

import httpx

from gateway_support.real_gateway import RealGateway

PATH = "/api/v1/admin/images/upload"
BOUNDARY = "----reprise-tests"
TYPE = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
END = f"--{BOUNDARY}--\r\n".encode()


def png(seed: str, size: int = 4096) -> bytes:
    """Bytes that a sniffer takes for PNG; different ones for each seed."""
    block = hashlib.shake_256(seed.encode()).digest(64 * 1024)
    return (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + block * (size // len(block) + 1))[:size]


def head(name: str, declared: str = "image/png", field: str = "file") -> bytes:
    """What stands before the bytes of a file."""
    return (
        f"--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        f"Content-Type: {declared}\r\n\r\n"
    ).encode()


def file(name: str, body: bytes, declared: str = "image/png") -> bytes:
    return head(name, declared) + body + b"\r\n"


def field(name: str, value: str) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    return f"--{BOUNDARY}\r\n{disposition}\r\n\r\n{value}\r\n".encode()


def send(client: httpx.Client, *pieces: bytes, end: bytes = END) -> httpx.Response:
    return client.post(PATH, headers=TYPE, content=b"".join(pieces) + end)


def endless(name: str, size: int, seed: str, piece: int = 1 << 16) -> Iterator[bytes]:
    """A file of any size, made as it is sent."""
    yield head(name)
    block = png(seed, piece)
    sent = 0
    while sent < size:
        block = block if sent == 0 else block[8:] + block[:8]
        yield block[: size - sent]
        sent += len(block[: size - sent])
    yield b"\r\n"


def codes(answer: httpx.Response) -> list[str | None]:
    """The code of each file, None for one that was taken."""
    files: list[dict[str, Any]] = answer.json()["files"]
    assert [file["index"] for file in files] == list(range(len(files)))
    return [file["problem"] and file["problem"]["code"] for file in files]


class RawForm:
    """A form over a bare socket, in chunks: the test says when the next bytes come."""

    def __init__(self, gateway: RealGateway, token: str | None = None, **more: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
        said = {
            "Host": f"127.0.0.1:{gateway.port}",
            "Authorization": f"Bearer {token or gateway.places.token()}",
            "Transfer-Encoding": "chunked",
            **TYPE,
            **more,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
        self._socket.sendall(f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode())

    def send(self, piece: bytes) -> None:
        self._socket.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")

    def end(self) -> None:
        self.send(END)
        self._socket.sendall(b"0\r\n\r\n")

    def answered(self, patience: float) -> bool:
        """Whether something came back within so many seconds."""
        return bool(select.select([self._socket], [], [], patience)[0])

    def answer(self) -> str:
        """The whole answer: first line, headers and body."""
        received = b""
        while b"\r\n\r\n" not in received and (piece := self._socket.recv(65536)):
            received += piece
        lines, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", lines.lower())
        while length and len(body) < int(length[1]) and (piece := self._socket.recv(65536)):
            body += piece
        return (lines + b"\r\n\r\n" + body).decode()

    def cut(self) -> None:
        """Vanish without a word."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
