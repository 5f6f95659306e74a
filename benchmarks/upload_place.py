"""Where uploads are measured: a system of their own, files to send, and curl to send them."""

import argparse
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
from psutil import Process

from devstack.stack import Stack
from devstack.stack_for_tests import stack_for_tests

MIB = 1024 * 1024
GATEWAY = "upload-gateway"
TUS = {"Tus-Resumable": "1.0.0"}
NEEDED = ["kafka", "postgres", "s3", "setup", GATEWAY, "nginx"]
PATIENCE = 600.0  # seconds that one upload may take
# the pace is asked as in production, and never refuses
WIDE = {GATEWAY: {"REPRISE_UPLOAD_REQUESTS_PER_MINUTE": "1000000"}}


@dataclass(frozen=True, slots=True)
class UploadPlace:
    """The real gateway behind the real edge; the store is versitygw unless a part says otherwise.

    `size` and `crowd_size` are MiB of a file, `people` how many send at once.
    """

    stack: Stack
    folder: Path
    size: int
    crowd_size: int
    people: int
    requests: int
    tusd: str | None

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--size", type=int, default=1024, help="MiB of the one file")
        parser.add_argument("--crowd-size", type=int, default=1024, help="MiB of each of a crowd")
        parser.add_argument("--people", type=int, default=16, help="uploads at once")
        parser.add_argument("--requests", type=int, default=500, help="creations, and questions")
        parser.add_argument("--tusd", help="a tusd program to stand beside")

    @property
    def client(self) -> httpx.Client:
        env = self.stack.env
        headers = {"Authorization": f"Bearer {env['REPRISE_ADMIN_TOKEN']}", **TUS}
        return httpx.Client(base_url=env["REPRISE_URL"], headers=headers, timeout=60)

    @property
    def gateway(self) -> Process:
        """The running gateway, to be weighed."""
        running = self.stack.supervised(GATEWAY).running()
        assert running is not None
        return Process(running.pid)

    def worked(self) -> dict[str, float]:
        """CPU seconds so far of each process of the system: what one file takes from all of it."""
        return {name: self._cpu(name) for name in NEEDED if name != "setup"}

    def _cpu(self, name: str) -> float:
        running = self.stack.supervised(name).running()
        assert running is not None
        root = Process(running.pid)
        times = [one.cpu_times() for one in (root, *root.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def file(self, name: str, size: int) -> Path:
        """So many MiB that no store can shrink, and that are taken for FLAC."""
        path, chance = self.folder / f"{name}.flac", Random(name)
        with path.open("wb") as file:
            file.write(b"fLaC\x00\x00\x00\x22" + chance.randbytes(MIB - 8))
            for _ in range(size - 1):
                file.write(chance.randbytes(MIB))
        return path


@contextmanager
def open_place(options: argparse.Namespace) -> Iterator[UploadPlace]:
    with stack_for_tests(overrides=WIDE) as stack, tempfile.TemporaryDirectory() as folder:
        stack.start(NEEDED)
        yield UploadPlace(
            stack,
            Path(folder),
            options.size,
            options.crowd_size,
            options.people,
            options.requests,
            options.tusd,
        )


def created(client: httpx.Client, size: int, path: str = "/files/") -> str:
    """The address of a new upload of so many bytes."""
    name = b64encode(b"set.flac").decode()
    kind = b64encode(b"audio/flac").decode()
    said = {"Upload-Length": str(size), "Upload-Metadata": f"filename {name},filetype {kind}"}
    answer = client.post(path, headers=said)
    answer.raise_for_status()
    return answer.headers["location"]


def send(client: httpx.Client, address: str, path: Path) -> None:
    """The whole file by curl, one PATCH if all goes well; where it does not, on from the offset."""
    size, until = path.stat().st_size, time.monotonic() + PATIENCE
    while (at := _offset(client, address)) < size:
        assert time.monotonic() < until, f"{address} stands still at {at}"
        if patched(client, address, path, at) == 0:
            return
        time.sleep(0.5)


def patched(client: httpx.Client, address: str, path: Path, at: int) -> int:
    """How curl ended that sent the file from `at` on; its own memory is no matter here."""
    said = {
        **TUS,
        "Authorization": client.headers.get("authorization", ""),
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(at),
        "Expect": "",
    }
    heads = [word for name, value in said.items() for word in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-X", "PATCH", "-T", str(path)]
    resumed = ["-C", str(at)] if at else []
    done = subprocess.run(
        [*command, *resumed, *heads, address], check=False, stderr=subprocess.DEVNULL
    )
    return done.returncode


def _offset(client: httpx.Client, address: str) -> int:
    answer = client.head(address)
    return int(answer.headers["upload-offset"]) if answer.status_code == 200 else 0


def stored(client: httpx.Client, address: str) -> None:
    """Returns when the upload is told to be stored."""
    status = f"/api/v1/uploads/{address.rsplit('/', 1)[1]}"
    until = time.monotonic() + PATIENCE
    while (found := client.get(status).json())["state"] != "stored":
        assert found["state"] in {"receiving", "verifying"}, found
        assert time.monotonic() < until, found
        time.sleep(0.01)
