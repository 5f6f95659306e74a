"""A server of the kind that the stack runs, for a test alone and over TLS."""

import secrets
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from common.testing.ports import free_port
from devstack.errors import DevstackError
from devstack.faults.certificate import Certificate
from devstack.local_place import LOOPBACK

_READY = 30.0  # seconds


class VersityGw:
    """`program` is the server, `folder` an empty one for its objects; they stay when it ends."""

    def __init__(self, program: Path, folder: Path, certificate: Certificate) -> None:
        self._program, self._folder, self._certificate = program, folder, certificate
        self.access_key, self.secret_key = secrets.token_hex(8), secrets.token_urlsafe(24)
        self._address = f"{LOOPBACK}:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """The address for clients."""
        return f"https://{self._address}"

    def __enter__(self) -> Self:
        pem = str(self._certificate.path)
        words = ["--port", self._address, "--cert", pem, "--key", pem, "--quiet", "--keep-alive"]
        self._process = subprocess.Popen(
            [self._program, *words, "--health", "/health", "posix", self._folder],
            env={"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _wait_ready(self) -> None:
        deadline, trust = time.monotonic() + _READY, self._certificate.client_context()
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.endpoint}/health", verify=trust, timeout=2).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise DevstackError(f"the S3 server is not ready after {_READY:.0f} s")

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
