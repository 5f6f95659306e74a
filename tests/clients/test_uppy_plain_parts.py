"""Uppy in a real browser sends plain parts where the store was found to refuse short bodies."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.clients.foreign import MIB, Foreign, Journey
from tests.clients.signed_parts import COUNT
from tests.clients.store import found_by_doctor

from devstack.faults.s3.server import FaultyS3
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]
KEYS = ("faulty", "a-secret-of-the-faulty-store")


@pytest.fixture
def strict_store(
    system: Stack, pages: str, journey: Journey, tmp_path: Path
) -> Iterator[tuple[FaultyS3, Journey]]:
    """The gateway keeps its objects in a store that takes no short bodies, and so do browsers."""
    with FaultyS3(tmp_path / "store", *KEYS) as server:
        there = server.environment
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
    assert {call.part for call in sent} == set(range(1, COUNT + 1))
    assert Counter(call.part for call in sent)[4] == 2  # its answer had been lost
    assert not [call for call in sent if "x-amz-checksum-sha256" in call.headers]
