"""Uppy in a real browser: its tab crashes, is reloaded, cut and stalled, and the file arrives."""

from pathlib import Path

import pytest
from tests.clients.foreign import MIB, PACE, Foreign, Journey, sound_file
from tests.clients.programs import program

from devstack.faults.tcp_proxy import TcpProxy
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]
SIZE = 40 * MIB + 77


def test_uppy_brings_a_file_over_a_crash_a_reload_a_cut_and_a_stall(
    system: Stack, way: TcpProxy, pages: str, node: str, tmp_path: Path, log: Path
) -> None:
    journey = Journey(system, way, sound_file(tmp_path, "uppy", SIZE))
    browser = program("chromium", "chromium")
    script = [program("node", "nodejs"), f"{node}/send_uppy.mjs", browser]
    way.delay(PACE)
    with Foreign(
        [*script, f"{pages}/index.html", journey.origin, str(journey.path), journey.token], log
    ) as uppy:
        journey.moved(uppy, 0.2)
        uppy.tell("crash")
        journey.moved(uppy, 0.1)
        uppy.tell("reload")
        journey.moved(uppy, 0.1)
        way.drop_all()
        journey.moved(uppy, 0.1)
        journey.stalled(uppy)
        way.pass_through()
        uppy.finished()
    journey.arrived()
