"""Many clients at once that send a little, wait, and send a little more; all in one thread."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gateway_support.real_gateway import RealGateway, eventually
from gateway_support.tus import BODY

MIB = 1024 * 1024
_APART = 0.02  # seconds between two that begin: all in one moment are a test of the database


class SlowCrowd:
    """One PATCH of `size` bytes for each path; `piece` bytes each `pause` seconds, for ever."""

    def __init__(
        self, gateway: RealGateway, paths: list[str], *, size: int, piece: int, pause: float
    ) -> None:
        self.sent = dict.fromkeys(paths, 0)
        self.answered = dict[str, str]()
        self._gateway, self._size, self._piece, self._pause = gateway, size, piece, pause
        self._token = gateway.places.token()
        self._over = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._all()])

    @contextmanager
    def sending(self) -> Iterator["SlowCrowd"]:
        """All have begun when the block is entered; all vanish at its end."""
        self._thread.start()
        try:
            eventually(lambda: all(self.sent.values()) or not self._thread.is_alive())
            yield self
        finally:
            self._over.set()
            self._thread.join()

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(path, n * _APART) for n, path in enumerate(self.sent)))

    async def _one(self, path: str, after: float) -> None:
        await asyncio.sleep(after)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._gateway.port)
        head = {
            "Host": f"127.0.0.1:{self._gateway.port}",
            "Authorization": f"Bearer {self._token}",
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Length": str(self._size),
            "Connection": "close",
            **BODY,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"PATCH {path} HTTP/1.1\r\n{lines}\r\n".encode())
        answer = asyncio.ensure_future(reader.read())
        content = body_of(path, MIB)  # its beginning, more than anybody here ever sends
        while not self._over.is_set() and not answer.done():
            at = self.sent[path]
            writer.write(content[at : at + self._piece])
            self.sent[path] = min(at + self._piece, self._size)
            await asyncio.wait({answer}, timeout=self._pause)
        if answer.done():
            self.answered[path] = answer.result().decode()
        answer.cancel()
        writer.close()


def body_of(path: str, size: int) -> bytes:
    """What this client sends; no two send the same."""
    return b"fLaC\x00\x00\x00\x22" + hashlib.shake_256(path.encode()).digest(size - 8)
