from datetime import timedelta

import pytest

from common.events import UploadWithdrawn, new_message, tombstone
from common.events.topics import DETAILS
from common.ids import new_asset_id, new_upload_id
from common.testing.clock import START, ManualClock
from common.testing.publisher import RecordingPublisher
from common.testing.waiting import eventually


def test_a_manual_clock_moves_both_readings_and_only_forward() -> None:
    clock = ManualClock()
    clock.advance(1.5)

    assert clock.now() == START + timedelta(seconds=1.5)
    assert clock.monotonic() == 1.5
    with pytest.raises(ValueError, match="go back"):
        clock.advance(-1)


async def test_a_recording_publisher_reads_back_what_consumers_would_see() -> None:
    publisher, clock = RecordingPublisher(), ManualClock()
    fact = UploadWithdrawn(
        asset_id=new_asset_id(), upload_id=new_upload_id(), user_id=new_asset_id(), kind="audio"
    )
    await publisher(new_message(fact, source="x", key="k", sequence=1, clock=clock))
    await publisher.append(
        tombstone(DETAILS, type="reprise.t", source="x", key="k", sequence=2, clock=clock)
    )

    assert publisher.events() == [fact]
    assert publisher.of(UploadWithdrawn) == [fact]
    assert publisher.types() == [UploadWithdrawn.TYPE, "reprise.t"]


async def test_waiting_takes_plain_and_awaitable_conditions_and_has_an_end() -> None:
    async def true() -> bool:
        return True

    await eventually(lambda: True)
    await eventually(true)
    with pytest.raises(TimeoutError):
        await eventually(lambda: False, timeout=0.02)
