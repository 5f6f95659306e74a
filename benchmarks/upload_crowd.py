"""Many large files at once into a store that is slow: what the gateway weighs meanwhile."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from benchmarks.table import Row
from benchmarks.upload_place import GATEWAY, MIB, UploadPlace, created, send, stored
from psutil import Process

from devstack.faults.s3.server import FaultyS3

SLOW = 0.25  # seconds the store takes for a part
KEYS = ("bench", "a-secret-of-the-slow-store")


def measure(place: UploadPlace) -> list[Row]:
    path = place.file("crowd", place.crowd_size)
    with FaultyS3(place.folder / "slow-store", *KEYS) as store:
        store.delay("UploadPart", SLOW)
        _move_to(place, store.endpoint)
        idle = place.gateway.memory_info().rss
        with Weights(place.gateway) as weights, place.client as client:
            took = _together(place, client, path)
    return _rows(place, took, [weight - idle for weight in weights.seen])


def _together(place: UploadPlace, client: httpx.Client, path: Path) -> float:
    began = time.perf_counter()
    addresses = [created(client, path.stat().st_size) for _ in range(place.people)]
    with ThreadPoolExecutor(place.people) as pool:
        for sent in [pool.submit(send, client, address, path) for address in addresses]:
            sent.result()
    took = time.perf_counter() - began
    for address in addresses:
        stored(client, address)
    return took


def _move_to(place: UploadPlace, endpoint: str) -> None:
    changed = {
        "MEDIA_S3_ENDPOINT": endpoint,
        "MEDIA_S3_ACCESS_KEY_ID": KEYS[0],
        "MEDIA_S3_SECRET_ACCESS_KEY": KEYS[1],
    }
    place.stack.configure(GATEWAY, changed)
    place.stack.stop_process(GATEWAY)
    place.stack.start_process(GATEWAY)
    with place.client as client:  # it has answered once: what is loaded late is loaded
        created(client, 1000)


class Weights:
    """Resident bytes of a process, five times a second."""

    def __init__(self, process: Process) -> None:
        self.seen: list[int] = []
        self._process, self._ended = process, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Weights":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            self.seen.append(self._process.memory_info().rss)


def _rows(place: UploadPlace, took: float, above: list[int]) -> list[Row]:
    what = f"{place.people} x {place.crowd_size} MiB at once, {SLOW * 1000:.0f} ms a part"
    third = len(above) // 3
    early, late = max(above[third : 2 * third]) / MIB, max(above[2 * third :]) / MIB
    rate = place.people * place.crowd_size / took
    return [
        Row(what, f"{took:.0f} s ({rate:.0f} MiB/s)"),
        Row("  peak memory above idle", f"{max(above) / MIB:.0f} MiB", "at most 150 MiB"),
        Row("  last third beside the second", f"{late - early:+.0f} MiB", "flat"),
    ]
