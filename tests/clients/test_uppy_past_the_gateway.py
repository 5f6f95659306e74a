"""Uppy in a real browser sends signed parts to the store, set up as the documents tell."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from tests.clients.foreign import MIB, PACE, Foreign, Journey, sound_file
from tests.clients.programs import program
from tests.clients.store import found_by_doctor
from tests.e2e.client import eventually

from devstack.faults.s3.server import FaultyS3
from devstack.faults.tcp_proxy import TcpProxy
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]
SIZE = 41 * MIB
PARTS = 6  # of 8 MiB
KEYS = ("faulty", "a-secret-of-the-faulty-store")


@pytest.fixture
def journey(
    system: Stack,
    examined: dict[str, bool],
    store_way: TcpProxy,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Journey:
    """Through the proxy before the store; the number of bytes tells one upload from others."""
    assert examined["digested_parts"]
    assert not examined["short_body_refused"]  # so each part is signed with its digest
    assert examined["cors"]
    store_way.pass_through()
    name = request.node.name
    size = SIZE + crc32(name.encode()) % MIB
    return Journey(system, store_way, sound_file(tmp_path, name, size))


@pytest.fixture
def command(system: Stack, pages: str, node: str, journey: Journey) -> Sequence[str]:
    browser = program("chromium", "chromium")
    script = [program("node", "nodejs"), f"{node}/send_uppy.mjs", browser, f"{pages}/past.html"]
    return [*script, system.env["REPRISE_URL"], str(journey.path), journey.token]


@pytest.fixture
def strict_store(
    system: Stack, pages: str, journey: Journey, tmp_path: Path
) -> Iterator[tuple[FaultyS3, Journey]]:
    """The gateway keeps its objects in a store that takes no short bodies, and so do browsers."""
    with FaultyS3(tmp_path / "store", *KEYS) as server:
        there = {
            "MEDIA_S3_ENDPOINT": server.endpoint,
            "MEDIA_S3_ACCESS_KEY_ID": KEYS[0],
            "MEDIA_S3_SECRET_ACCESS_KEY": KEYS[1],
        }
        assert found_by_doctor(system, pages, **there)["short_body_refused"]
        gateway = there | {"REPRISE_S3_PUBLIC_ENDPOINT": server.endpoint}
        with reconfigured(system, gateway):
            yield server, replace(journey, store=there)


@contextmanager
def reconfigured(system: Stack, settings: Mapping[str, str]) -> Iterator[None]:
    """The gateway runs with these; as before afterwards."""

    def again(wanted: Mapping[str, str]) -> None:
        system.stop_process("upload-gateway")
        system.configure("upload-gateway", wanted)
        system.start_process("upload-gateway")

    again(settings)
    try:
        yield
    finally:
        again({})


def stored_parts(log: Path) -> list[int]:
    """The numbers of the parts that the store took, each time it did."""
    return [int(number) for number in re.findall(r"part (\d+) 200", log.read_text())]


def none_twice(log: Path) -> bool:
    """No part that its sender knew to be stored was sent again."""
    return max(Counter(stored_parts(log)).values()) == 1


def some_stored(client: Foreign, log: Path, count: int) -> None:
    """Returns when so many parts are in the store."""
    eventually(
        lambda: client.running and len(stored_parts(log)) < count,
        lambda waiting: not waiting,
        within=60,
        saying=f"{count} parts should be stored",
    )
    assert client.running, client.log()


def test_uppy_brings_a_file_in_signed_parts(
    command: Sequence[str], journey: Journey, log: Path
) -> None:
    before = journey.proxy.traffic.requests
    with Foreign(command, log) as uppy:
        uppy.finished()
    journey.arrived()
    assert stored_parts(log) == list(range(1, PARTS + 1))
    assert journey.proxy.traffic.requests - before > SIZE  # straight to the store


def test_uppy_sends_no_stored_part_again_after_a_crash_and_a_reload(
    command: Sequence[str], journey: Journey, log: Path
) -> None:
    journey.proxy.delay(PACE)
    with Foreign(command, log) as uppy:
        some_stored(uppy, log, 2)
        uppy.tell("crash")
        some_stored(uppy, log, 3)
        uppy.tell("reload")
        journey.proxy.pass_through()
        uppy.finished()
    journey.arrived()
    assert none_twice(log)


def test_uppy_goes_on_after_a_cut_a_stall_and_a_store_that_was_away(
    command: Sequence[str], journey: Journey, log: Path
) -> None:
    journey.proxy.delay(PACE)
    with Foreign(command, log) as uppy:
        journey.moved(uppy, 0.3)
        journey.proxy.drop_all()
        journey.moved(uppy, 0.2)
        journey.rested(uppy)
        journey.proxy.refuse()
        uppy.tell("fail")
        journey.proxy.pass_through()
        uppy.tell("retry")
        uppy.finished()
    journey.arrived()
    assert none_twice(log)


def test_uppy_sends_plain_parts_to_a_store_that_refuses_short_bodies(
    command: Sequence[str], strict_store: tuple[FaultyS3, Journey], log: Path
) -> None:
    store, journey = strict_store
    store.fail("UploadPart", part=2, times=1)
    store.cut_request("UploadPart", MIB, part=3, times=1)
    store.reset_after("UploadPart", part=4, times=1)
    with Foreign(command, log) as uppy:
        uppy.finished()
    journey.arrived()
    sent = [call for call in store.calls if call.operation == "UploadPart" and "u/" in call.key]
    assert {call.part for call in sent} == set(range(1, PARTS + 1))
    assert Counter(call.part for call in sent)[4] == 2  # its answer had been lost
    assert not [call for call in sent if "x-amz-checksum-sha256" in call.headers]
