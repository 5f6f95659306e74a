"""A stack of a test run's own: its own folder, free ports, gone at the end whatever happened."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from devstack.os_processes import Running, load_running, start_mark
from devstack.ports import FreePorts
from devstack.repository import ROOT, topology
from devstack.stack import Overrides, Stack
from devstack.topology import Topology

HOMES = ROOT / ".dev" / "test"

# Tests do not wait as long as people do.
_QUICK: Overrides = {
    "catalog": {"REPRISE_GRACE_SWEEP_INTERVAL": "0.5", "REPRISE_DELETE_GRACE": "8"},
    # and two people do in a minute what others do in weeks
    "upload-gateway": {
        "MAX_CONCURRENT_UPLOADS": "1000",
        "REPRISE_UPLOAD_REQUESTS_PER_MINUTE": "0",
        "REPRISE_UPLOAD_SWEEP_INTERVAL": "1",
    },
}


@contextlib.contextmanager
def stack_for_tests(
    table: Topology | None = None, overrides: Overrides | None = None, homes: Path = HOMES
) -> Iterator[Stack]:
    """Yields a stack that is not started; stops it and keeps only its logs afterwards."""
    table = table or topology()
    homes.mkdir(parents=True, exist_ok=True)
    sweep_abandoned(table, homes)
    home = Path(tempfile.mkdtemp(prefix="run-", dir=homes))
    Running(os.getpid(), start_mark(os.getpid()) or "").save(home / "owner.json")
    ports = FreePorts(offsets(table))
    stack = Stack(table, home, ports.base, _quick(overrides or {}))
    try:
        yield stack
    finally:
        stack.stop()
        ports.release()
        _keep_logs(home, homes / "last-logs")


@contextlib.contextmanager
def infrastructure_for_tests() -> Iterator[Stack]:
    """A broker, a database and a store that run and that nobody else uses."""
    with stack_for_tests() as stack:
        stack.start(stack.infrastructure())
        yield stack


def _quick(overrides: Overrides) -> Overrides:
    names = {*_QUICK, *overrides}
    return {name: {**_QUICK.get(name, {}), **overrides.get(name, {})} for name in names}


def offsets(table: Topology) -> Collection[int]:
    """Every port offset of the table."""
    return [port for process in table.processes.values() for port in process.all_ports.values()]


def sweep_abandoned(table: Topology, homes: Path) -> None:
    """Stops and removes what a killed test run left behind."""
    for home in homes.glob("run-*"):
        owner = load_running(home / "owner.json")
        if owner is not None and not owner.alive():
            Stack(table, home).stop()
            shutil.rmtree(home, ignore_errors=True)


def _keep_logs(home: Path, kept: Path) -> None:
    shutil.rmtree(kept, ignore_errors=True)
    with contextlib.suppress(
        OSError
    ):  # nothing was started, or another process keeps its own just now
        (home / "log").rename(kept)
    shutil.rmtree(home, ignore_errors=True)
