"""Files far larger than the memory of the process pass through it, into a store that is slow."""

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.large_files import LargeFile, PersistentClient
from gateway_support.memory_cap import capped
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import START, RealGateway, eventually
from gateway_support.weight import Watch, level, peak, resident
from pydantic import SecretStr

from devstack.faults.s3.server import FaultyS3

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(1800)]

GIB = 1024 * MIB
PART, BUFFERS = 8 * MIB, 12  # the defaults
# on top of the pool, which is touched before: no copy of what is in each buffer, or of each upload
PASSING = 6 * PART
CAP = 320 * MIB
SLOW = 0.25  # seconds the store takes for each part
PATIENCE = 1500.0  # seconds for one file: a busy machine is no failure
READ_BACK = 4  # files that are read out of the store again, which takes as long as to write them
KEYS = ("memory", "a-secret-of-the-slow-store")

Note = Callable[[str, object], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FaultyS3]:
    """Slow, and gone with all its bytes afterwards."""
    with FaultyS3(tmp_path / "store", *KEYS) as slow:
        slow.delay("UploadPart", SLOW)
        yield slow
    shutil.rmtree(tmp_path / "store")


@pytest.fixture
def slow_places(places: Places, store: FaultyS3) -> Places:
    sizes = {"REPRISE_UPLOAD_PART_SIZE": str(PART), "REPRISE_UPLOAD_BUFFERS": str(BUFFERS)}
    settings = {
        "endpoint": store.endpoint,
        "access_key_id": KEYS[0],
        "secret_access_key": SecretStr(KEYS[1]),
    }
    return replace(
        places,
        env={**places.env, **store.environment, **sizes},
        s3=places.s3.model_copy(update=settings),
    )


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Figures for the report of a run."""
    return lambda name, value: request.node.user_properties.append((name, value))


@contextmanager
def capped_gateway(places: Places, log: Path, **extra: str) -> Iterator[RealGateway]:
    with capped(CAP) as spawn:
        gateway = RealGateway(places, log, spawn, **extra)
        try:
            gateway.start(ready=False)
            yield gateway
        finally:
            gateway.kill()


@pytest.mark.req("UPL-03", "UPL-08")
def test_four_gibibytes_pass_through_a_capped_process_within_its_pool(
    slow_places: Places, log: Path, store: FaultyS3, note: Note
) -> None:
    over = weighed_above_idle(4, slow_places, log, store, note)
    assert over <= PASSING


@pytest.mark.req("UPL-08")
def test_sixteen_gibibytes_at_once_weigh_no_more_than_four(
    slow_places: Places, log: Path, store: FaultyS3, note: Note
) -> None:
    over = weighed_above_idle(16, slow_places, log, store, note)
    assert over <= PASSING


def test_the_cap_of_these_tests_is_one(slow_places: Places, log: Path) -> None:
    """A pool that is larger than it does not come to be."""
    many = {"REPRISE_UPLOAD_BUFFERS": str(CAP // PART)}
    with capped_gateway(slow_places, log, **many) as gateway:
        assert gateway.died() == -signal.SIGKILL


def weighed_above_idle(people: int, places: Places, log: Path, store: FaultyS3, note: Note) -> int:
    """So many send a GiB each at the same time; all arrive, and the process stays what it was."""
    with capped_gateway(places, log) as gateway:
        pid = gateway.pid
        warm_up(gateway)
        files = [LargeFile(f"{people} people, {number}", GIB) for number in range(people)]
        clients = [PersistentClient(gateway, PATIENCE) for _ in files]
        level(pid)
        idle, began = resident(pid), time.monotonic()
        with Watch(gateway).watching() as watch, ThreadPoolExecutor(people) as pool:
            paths = list(pool.map(PersistentClient.send, clients, files))
            took = time.monotonic() - began
            found = [stored(gateway, path) for path in paths]
        over = peak(pid) - idle
        note("mib_idle", round(idle / MIB))
        note("mib_above_idle", round(over / MIB, 1))
        note("mib_of_growth", round(watch.growth() / MIB, 1))
        note("mib_per_second", round(people * GIB / MIB / took))
        note("interruptions", [why for client in clients for why in client.interruptions])
        assert (gateway.pid, gateway.alive) == (pid, True)
        assert watch.unready == []
        assert watch.growth() < 2 * PART
        digests = [file.sha256 for file in files]
        assert found == digests
        assert in_store(places, paths[:READ_BACK]) == digests[:READ_BACK]
        return over


def warm_up(gateway: RealGateway) -> None:
    """Once all that is loaded late is loaded, it idles."""
    with gateway.client() as client:
        eventually(lambda: ready(client), START)
        path = tus.upload(client, tus.flac(2 * PART + 1, "what is loaded late is loaded"))
        assert tus.ended(client, path)["state"] == "stored"


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def stored(gateway: RealGateway, path: str) -> str:
    """The digest it was stored with."""
    with gateway.client() as client:
        eventually(lambda: tus.status(client, path)["state"] in tus.ENDS, PATIENCE)
        found = tus.status(client, path)
    assert (found["state"], found["size"]) == ("stored", GIB)
    return str(found["sha256"])


def in_store(places: Places, paths: list[str]) -> list[str]:
    """The digests of what the store gives back."""
    keys = asyncio.run(places.rows("SELECT id, key FROM upload"))
    key_of = {row["id"]: row["key"] for row in keys}
    return [asyncio.run(places.digest(key_of[tus.id_of(path)])) for path in paths]
