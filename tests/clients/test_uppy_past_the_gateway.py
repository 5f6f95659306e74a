"""Uppy in a real browser sends signed parts to the store, set up as the documents tell."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.clients.foreign import PACE, Foreign, Journey
from tests.clients.signed_parts import COUNT, none_twice, some_stored, stored_parts

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]


def test_uppy_brings_a_file_in_signed_parts(
    command: Sequence[str], journey: Journey, log: Path
) -> None:
    before = journey.proxy.traffic.requests
    with Foreign(command, log) as uppy:
        uppy.finished()
    journey.arrived()
    assert stored_parts(log) == list(range(1, COUNT + 1))
    assert journey.proxy.traffic.requests - before > journey.size  # straight to the store


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
