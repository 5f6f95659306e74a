"""One large file by tus, hashed, beside `aws s3 cp` (and tusd) into the same store."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from benchmarks.table import Row
from benchmarks.upload_place import MIB, TUS, UploadPlace, created, send, stored

from common.testing.ports import free_port
from devstack.aws_cli import aws, install_aws


def measure(place: UploadPlace) -> list[Row]:
    path = place.file("single", place.size)
    install_aws()
    rival = min(by_aws(place, path), by_aws(place, path))
    rows = [Row(f"{place.size} MiB, aws s3 cp", _speed(place, rival), "the better of two")]
    if place.tusd:
        with tusd(place, place.tusd) as address:
            took = by_tusd(address, path)
        rows.append(Row(f"{place.size} MiB, tusd, not hashed", _speed(place, took)))
    before = place.worked()
    received, whole = by_tus(place, path)
    worked = {name: seconds - before[name] for name, seconds in place.worked().items()}
    ratio = f"{rival / whole:.2f} x aws, at least 1.2 x"
    return [
        *rows,
        Row(f"{place.size} MiB, tus, last byte acknowledged", _speed(place, received)),
        Row(f"{place.size} MiB, tus, hashed and stored", _speed(place, whole), ratio),
        Row("  CPU of all processes", f"{sum(worked.values()):.1f} s", _shares(worked)),
    ]


def _shares(worked: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in worked.items() if seconds > 0.05)


def by_tus(place: UploadPlace, path: Path) -> tuple[float, float]:
    """Seconds until the last byte is acknowledged, and until the object is stored."""
    with place.client as client:
        began = time.perf_counter()
        address = created(client, path.stat().st_size)
        send(client, address, path)
        received = time.perf_counter() - began
        stored(client, address)
        return received, time.perf_counter() - began


def by_aws(place: UploadPlace, path: Path) -> float:
    env = place.stack.env
    target = f"s3://{env['MEDIA_ASSETS_BUCKET']}/bench/{path.name}"
    began = time.perf_counter()
    aws(env, "s3", "cp", "--only-show-errors", str(path), target)
    return time.perf_counter() - began


def by_tusd(address: str, path: Path) -> float:
    """tusd completes the object inside the last request."""
    with httpx.Client(headers=TUS, timeout=60) as client:
        began = time.perf_counter()
        upload = created(client, path.stat().st_size, address)
        send(client, upload, path)
        return time.perf_counter() - began


@contextmanager
def tusd(place: UploadPlace, program: str) -> Iterator[str]:
    """A running one, told to write where we write; its parts are ours."""
    env, port = place.stack.env, free_port()
    command = [program, "-host", "127.0.0.1", "-port", str(port), "-base-path", "/files/"]
    command += ["-s3-endpoint", env["MEDIA_S3_ENDPOINT"], "-s3-bucket", env["MEDIA_ASSETS_BUCKET"]]
    command += ["-s3-object-prefix", "bench/", "-s3-part-size", str(8 * MIB)]
    process = subprocess.Popen(
        command, env=_credentials(place), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}/files/"
    try:
        _await(address)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _await(address: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            httpx.options(address)
        except httpx.TransportError:
            assert time.monotonic() < until, "tusd does not answer"
            time.sleep(0.05)
        else:
            return


def _credentials(place: UploadPlace) -> dict[str, str]:
    env = place.stack.env
    return {
        "PATH": "/usr/bin:/bin",
        "AWS_REGION": env["MEDIA_S3_REGION"],
        "AWS_ACCESS_KEY_ID": env["MEDIA_S3_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": env["MEDIA_S3_SECRET_ACCESS_KEY"],
    }


def _speed(place: UploadPlace, seconds: float) -> str:
    return f"{seconds:.1f} s ({place.size / seconds:.0f} MiB/s)"
