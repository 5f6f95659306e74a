"""Public clients, unmodified: each is killed, cut and stalled once, and every byte arrives."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.clients.foreign import MIB, PACE, Foreign, Journey, sound_file
from tests.clients.programs import program

from devstack.faults.tcp_proxy import TcpProxy
from devstack.repository import ROOT
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]
HERE = ROOT / "tests" / "clients"
SIZE = 40 * MIB

Command = Callable[[str], list[str]]
CLIENTS: dict[str, Command] = {
    "tuspy": lambda _: [sys.executable, str(HERE / "send_tuspy.py")],
    "tus-js-client": lambda folder: [program("node", "nodejs"), f"{folder}/send_tus_js.mjs"],
    "curl": lambda _: [str(HERE / "send_curl.sh")],
}


@pytest.mark.req("UPL-11")
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_that_was_killed_cut_and_stalled_has_sent_the_whole_file(
    name: str, system: Stack, way: TcpProxy, node: str, tmp_path: Path, log: Path
) -> None:
    path = sound_file(tmp_path, name, SIZE + len(name))
    journey = Journey(system, way, path)
    memory = tmp_path / "memory"
    command = [*CLIENTS[name](node), journey.origin, str(path), journey.token, str(memory)]
    way.delay(PACE)
    with Foreign(command, log) as first:
        journey.moved(first, 0.3)
        first.kill()
    with Foreign(command, log) as second:
        journey.moved(second, 0.1)
        way.drop_all()
        journey.moved(second, 0.1)
        journey.stalled(second)
        way.pass_through()
        second.finished()
    journey.arrived()
