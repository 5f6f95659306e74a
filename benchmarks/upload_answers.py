"""How long one creation and one question for the offset take, asked one after the other."""

import statistics
import time
from collections.abc import Callable

from benchmarks.table import Row
from benchmarks.upload_place import UploadPlace, created

FIRST = 50  # of them that warm everything up


def measure(place: UploadPlace) -> list[Row]:
    with place.client as client:
        addresses: list[str] = []
        creating = timed(lambda: addresses.append(created(client, 1000)), place.requests)
        path = addresses[0]
        asking = timed(lambda: client.head(path).raise_for_status(), place.requests)
    return [*_rows("create", creating), *_rows("HEAD", asking)]


def timed(ask: Callable[[], object], count: int) -> list[float]:
    """Milliseconds of each, without those that warm up."""
    took = []
    for _ in range(FIRST + count):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return took[FIRST:]


def _rows(what: str, took: list[float]) -> list[Row]:
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    return [
        Row(f"{what}, through the edge, p50", f"{p50:.1f} ms"),
        Row(f"{what}, through the edge, p99", f"{p99:.1f} ms", "at most 20 ms"),
    ]
