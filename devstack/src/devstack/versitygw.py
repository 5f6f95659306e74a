"""A server of the kind that the stack runs, for a test alone and over TLS."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from common.testing.ports import free_port
from devstack.errors import DevstackError
from devstack.faults.certificate import Certificate
from devstack.local_place import LOOPBACK

_READY = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class VersityGw:
    """Where a running one is, and who may write to it."""

    endpoint: str
    access_key: str
    secret_key: str


@contextmanager
def versitygw(program: Path, folder: Path, certificate: Certificate) -> Iterator[VersityGw]:
    """`program` is the server, `folder` an empty one for its objects; they stay when it ends."""
    address = f"{LOOPBACK}:{free_port()}"
    server = VersityGw(f"https://{address}", secrets.token_hex(8), secrets.token_urlsafe(24))
    pem = str(certificate.path)
    words = ["--port", address, "--cert", pem, "--key", pem, "--quiet", "--keep-alive"]
    process = subprocess.Popen(
        [program, *words, "--health", "/health", "posix", folder],
        env={"ROOT_ACCESS_KEY": server.access_key, "ROOT_SECRET_KEY": server.secret_key},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_ready(server, certificate)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait_ready(server: VersityGw, certificate: Certificate) -> None:
    deadline, trust = time.monotonic() + _READY, certificate.client_context()
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{server.endpoint}/health", verify=trust, timeout=2).is_success:
                return
        time.sleep(0.05)
    raise DevstackError(f"the S3 server is not ready after {_READY:.0f} s")
