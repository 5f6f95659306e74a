"""A public upload client as a process of its own, and what befalls it on the way."""

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Self

import boto3
from botocore.config import Config
from psutil import NoSuchProcess, Process
from tests.e2e.client import Reprise, eventually

from devstack.aws_cli import aws
from devstack.faults.tcp_proxy import TcpProxy
from devstack.stack import Stack

MIB = 1024 * 1024
STALL = 1.0  # seconds; what the gateway of these tests is set to
PACE = 0.004  # seconds for each 64 KiB: some 12 MiB/s, so that there is time to interfere
PATIENCE = 90.0


class Foreign:
    """The client and all its children: they are killed, and stand still, together."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out
            )
        self._log = log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._all(Process.kill)
        self._process.wait(10)

    def stand_still(self) -> None:
        self._all(Process.suspend)

    def go_on(self) -> None:
        self._all(Process.resume)

    def tell(self, word: str) -> None:
        """Have it do something; returns when it is done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()
        assert self._process.stdout.readline().decode().strip() == word, self.log()

    def finished(self) -> None:
        """Returns when it ended by itself and well."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(b"finish\n")
            self._process.stdin.flush()
        assert self._process.wait(PATIENCE) == 0, self.log()

    def log(self) -> str:
        return self._log.read_text()[-2000:]

    def _all(self, action: Callable[[Process], None]) -> None:
        with suppress(NoSuchProcess):
            first = Process(self._process.pid)
            for one in [first, *first.children(recursive=True)]:
                with suppress(NoSuchProcess):
                    action(one)


@dataclass(frozen=True, slots=True)
class Journey:
    """A file, the way it takes through the proxy, and how far it came."""

    stack: Stack
    proxy: TcpProxy
    path: Path

    @property
    def origin(self) -> str:
        return f"http://{self.proxy.address}"

    @property
    def token(self) -> str:
        return self.stack.env["REPRISE_ADMIN_TOKEN"]

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def moved(self, client: Foreign, share: float) -> None:
        """Returns when so large a share of the file has passed since the call."""
        goal = self.proxy.traffic.requests + share * self.size
        eventually(
            lambda: client.running and self.proxy.traffic.requests < goal,
            lambda waiting: not waiting,
            within=PATIENCE,
            saying="bytes should move",
        )
        assert client.running, client.log()

    def stalled(self, client: Foreign) -> None:
        """It stands still until the gateway has given its request up, then goes on."""
        client.stand_still()
        cut = _requests_cut(self.stack)
        eventually(
            lambda: _requests_cut(self.stack),
            lambda now: now > cut,
            within=STALL + 15,
            saying="the gateway should end a request that stalls",
        )
        client.go_on()

    def arrived(self) -> None:
        """One upload was made of it, and what the store holds is the file."""
        caller = Reprise(self.stack.env["REPRISE_URL"], self.token)
        try:
            items = caller.http.get("/api/v1/uploads", params={"limit": 100}).json()["items"]
            (upload,) = [item for item in items if item["length"] == self.size]
            ended = eventually(
                lambda: caller.upload_status(upload["upload_id"]),
                lambda status: status["state"] == "stored",
                within=PATIENCE,
                saying="the upload should be stored",
            )
        finally:
            caller.close()
        sent = hashlib.sha256(self.path.read_bytes()).hexdigest()
        assert ended["sha256"] == sent
        assert stored_sha256(self.stack, f"u/{ended['asset_id']}/original-") == sent


def sound_file(folder: Path, name: str, size: int) -> Path:
    """Bytes that are taken for FLAC and cannot be shrunk; others for each name."""
    path = folder / f"{name}.flac"
    path.write_bytes(b"fLaC\x00\x00\x00\x22" + Random(name).randbytes(size - 8))
    return path


def stored_sha256(stack: Stack, prefix: str) -> str:
    """Of the one object under a prefix, as boto3 and the AWS command line both read it."""
    env = stack.env
    client = boto3.client(
        "s3",
        endpoint_url=env["MEDIA_S3_ENDPOINT"],
        region_name=env["MEDIA_S3_REGION"],
        aws_access_key_id=env["MEDIA_S3_ACCESS_KEY_ID"],
        aws_secret_access_key=env["MEDIA_S3_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=30),
    )
    try:
        bucket = env["MEDIA_ASSETS_BUCKET"]
        (found,) = client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        body = client.get_object(Bucket=bucket, Key=found["Key"])["Body"]
        by_boto = hashlib.sha256(body.read()).hexdigest()
    finally:
        client.close()
    read = aws(env, "s3", "cp", f"s3://{bucket}/{found['Key']}", "-").stdout
    assert hashlib.sha256(read).hexdigest() == by_boto
    return by_boto


def _requests_cut(stack: Stack) -> int:
    """Requests that the gateway ended because nothing came, by its own log."""
    log = stack.supervised("upload-gateway").log.read_text()
    return sum('"status": 503' in line and '"PATCH"' in line for line in log.splitlines())
