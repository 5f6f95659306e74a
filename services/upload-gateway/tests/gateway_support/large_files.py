"""Files of any size that nobody has to keep, and a client that brings them whatever happens."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from gateway_support import tus
from gateway_support.places import MIB
from gateway_support.real_gateway import RealGateway

_PAUSE = 0.5  # seconds before an interrupted client asks where it stands, as real ones do
_WRITTEN = 4096  # bytes of each MiB that are not zero: a store may keep the rest as holes


@dataclass(frozen=True, slots=True)
class LargeFile:
    """Taken for FLAC; no two MiB of it are the same, nor of any other."""

    seed: str
    size: int

    def beginning_at(self, offset: int) -> Iterator[bytes]:
        """All from there on, made as it is read."""
        for index in range(offset // MIB, -(-self.size // MIB)):
            block = self._block(index)[: self.size - index * MIB]
            yield block[max(0, offset - index * MIB) :]

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for block in self.beginning_at(0):
            digest.update(block)
        return digest.hexdigest()

    def _block(self, index: int) -> bytes:
        said = hashlib.shake_256(f"{self.seed} {index}".encode()).digest(_WRITTEN)
        return tus.flac(8) + said + bytes(MIB - _WRITTEN - 8)


@dataclass(slots=True)
class PersistentClient:
    """Sends a file in one request; after each interruption it goes on from the true offset.

    `interruptions`: why it had to. `patience`: seconds for all of it.
    """

    gateway: RealGateway
    patience: float
    interruptions: list[str] = field(default_factory=list)

    def send(self, file: LargeFile) -> str:
        """The path of the upload, once all of it was acknowledged."""
        until = time.monotonic() + self.patience
        with self.gateway.client() as client:
            client.timeout = httpx.Timeout(120)
            path = tus.create(client, file.size)
            while (at := self._offset(client, path)) < file.size:
                assert time.monotonic() < until, self.interruptions
                self._go_on(client, path, file, at)
        return path

    def _go_on(self, client: httpx.Client, path: str, file: LargeFile, at: int) -> None:
        headers = tus.BODY | {"Upload-Offset": str(at), "Content-Length": str(file.size - at)}
        try:
            answer = client.patch(path, headers=headers, content=file.beginning_at(at))
        except httpx.TransportError as error:
            assert self.gateway.alive, "it is the process that ended"
            self._interrupted(f"{at}: {error!r}")
            return
        if answer.status_code != 204:
            assert answer.status_code in {409, 423, 503}, answer.text
            self._interrupted(f"{at}: {answer.json()['code']}")

    def _offset(self, client: httpx.Client, path: str) -> int:
        answer = client.head(path)
        if answer.status_code == 200:
            return int(answer.headers["upload-offset"])
        self._interrupted(f"HEAD: {answer.status_code}")
        return 0

    def _interrupted(self, why: str) -> None:
        self.interruptions.append(why)
        time.sleep(_PAUSE)
