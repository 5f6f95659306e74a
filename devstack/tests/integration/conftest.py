"""Stacks in which a small web server stands in for every service, to try the stack itself."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.repository import topology
from devstack.stack import Stack
from devstack.stack_for_tests import stack_for_tests
from devstack.topology import Process, Topology

_SERVER = Path(__file__).with_name("stand_in_server.py")
# Small and quick: what these tests are about needs no broker.
WITHOUT_BROKER = ["s3", "setup", "upload-gateway", "catalog", "delivery", "nginx"]


@pytest.fixture(scope="session")
def stand_in_table() -> Topology:
    """The committed topology; setup does nothing, services answer with what they were asked."""
    table = topology()
    return replace(table, processes={n: _stand_in(p) for n, p in table.processes.items()})


@pytest.fixture
def idle(stand_in_table: Topology, tmp_path: Path) -> Iterator[Stack]:
    """A stack of stand-ins, not started."""
    with stack_for_tests(stand_in_table, homes=tmp_path) as stack:
        yield stack


@pytest.fixture(scope="module")
def running(stand_in_table: Topology, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stand-ins behind the real edge."""
    with stack_for_tests(stand_in_table, homes=tmp_path_factory.mktemp("homes")) as stack:
        stack.start(WITHOUT_BROKER)
        yield stack


def _stand_in(process: Process) -> Process:
    if process.kind == "task":
        return replace(process, command=(sys.executable, "-c", "print('set up')"))
    if process.kind == "service":
        return replace(process, command=(sys.executable, str(_SERVER), process.name))
    return process
