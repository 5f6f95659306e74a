"""What a person at a page with Uppy ends is ended at the server, and the other way round."""

from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from tests.clients.foreign import PACE, PATIENCE, Foreign, Journey
from tests.clients.signed_parts import COUNT, some_stored, stored_parts
from tests.e2e.client import eventually
from tests.e2e.store import open_multiparts

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]


def test_what_uppy_cancels_leaves_no_parts_in_the_store(
    command: Sequence[str], journey: Journey, log: Path
) -> None:
    journey.proxy.delay(PACE)
    with Foreign(command, log) as uppy:
        some_stored(uppy, log, 1)
        (running,) = journey.uploads()
        assert running["key"] in open_multiparts(journey.stack.env)
        uppy.tell("cancel")
        journey.ended("aborted")
    eventually(
        lambda: open_multiparts(journey.stack.env),
        lambda keys: running["key"] not in keys,
        within=PATIENCE,
        saying="the parts should be given back",
    )


def test_uppy_begins_anew_when_its_upload_was_ended_elsewhere(
    command: Sequence[str], journey: Journey, log: Path
) -> None:
    with Foreign(command, log) as uppy:
        journey.proxy.delay(PACE)
        some_stored(uppy, log, 1)
        uppy.tell("pause")
        (running,) = journey.uploads()
        said = {"Authorization": f"Bearer {journey.token}"}
        address = f"{journey.stack.env['REPRISE_URL']}/api/v1/uploads/{running['upload_id']}"
        assert httpx.delete(address, headers=said, timeout=30).status_code == 204
        journey.proxy.pass_through()
        uppy.tell("resume")
        uppy.tell("fail")
        uppy.tell("retry")
        uppy.finished()
    journey.arrived("aborted")
    assert stored_parts(log)[-COUNT:] == list(range(1, COUNT + 1))
