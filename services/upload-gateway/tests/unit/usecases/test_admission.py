from uuid import UUID

import pytest
from gateway_support.bench import OWNER, STRANGER, WIDE, Bench
from gateway_support.fakes import MemoryPace

from common.ids import UserId
from upload_gateway.domain.errors import (
    BytesInFlightExceeded,
    QuotaExceeded,
    RateLimited,
    TooManyUploads,
    UploadCut,
)
from upload_gateway.domain.limits import Ceiling, Limits
from upload_gateway.domain.upload import Upload

TWO = Limits(Ceiling(moving=2, uploads=3, bytes=100), WIDE)


async def test_a_further_upload_waits_for_a_slot_and_other_people_do_not() -> None:
    bench = Bench(limits=TWO)
    for _ in range(2):
        await bench.created(10)
    with pytest.raises(TooManyUploads) as refused:
        await bench.created(10)
    assert refused.value.retry_after > 0
    await bench.created(10, owner=STRANGER)
    assert len(bench.ledger.tables.uploads) == 3


@pytest.mark.parametrize("end", ["success", "abort", "disconnect", "stall"])
async def test_the_end_of_an_upload_frees_its_slot(end: str) -> None:
    bench = Bench(limits=TWO)
    await bench.created(10)
    await _ended(bench, await bench.created(10), end)
    await bench.created(10)
    with pytest.raises(TooManyUploads):
        await bench.created(10)


async def _ended(bench: Bench, upload: Upload, end: str) -> None:
    if end == "success":
        await bench.sent(upload, 0, bytes(10))
    elif end == "abort":
        await bench.end(upload.id, OWNER)
    elif end == "disconnect":
        await bench.sent(upload, 0, bytes(4), "client_gone")
    else:
        with pytest.raises(UploadCut):
            await bench.sent(upload, 0, bytes(4), "stalled")


async def test_a_request_that_ends_well_keeps_the_slot_for_the_next_one() -> None:
    bench = Bench(limits=TWO)
    for _ in range(2):
        upload = await bench.created(30)
        await bench.sent(upload, 0, bytes(10))
    with pytest.raises(TooManyUploads):
        await bench.created(10)


async def test_an_upload_that_goes_on_is_never_refused_a_slot() -> None:
    bench = Bench(limits=TWO)
    upload = await bench.created(10)
    await bench.sent(upload, 0, bytes(4), "client_gone")
    for _ in range(2):
        await bench.created(10)
    assert (await bench.sent(upload, 4, bytes(6))).whole


async def test_a_late_end_does_not_free_the_slot_of_a_newer_request() -> None:
    bench = Bench(limits=TWO)
    upload = await bench.created(30)
    await bench.sent(upload, 0, bytes(4))
    await bench.ledger.leave(upload.id, upload.generation)
    assert upload.id in bench.ledger.tables.held


async def test_what_was_left_behind_still_counts_as_open() -> None:
    bench = Bench(limits=TWO)
    for _ in range(3):
        await bench.sent(await bench.created(10), 0, "client_gone")
    with pytest.raises(TooManyUploads) as refused:
        await bench.created(10)
    assert refused.value.extensions["limit"] == "open_uploads_per_user"


async def test_declared_bytes_of_all_people_count_together() -> None:
    bench = Bench(limits=Limits(WIDE, Ceiling(9, 9, bytes=100)))
    await bench.created(60)
    with pytest.raises(BytesInFlightExceeded) as refused:
        await bench.created(41, owner=UserId(UUID(int=3)))
    assert refused.value.extensions == {"limit": "open_bytes_total", "allowed": 100}
    await bench.created(40)


async def test_a_quota_is_freed_by_the_purge_and_not_by_the_deletion() -> None:
    bench = Bench(limits=Limits(WIDE, WIDE, stored=50))
    upload = await bench.created(30)
    await bench.sent(upload, 0, bytes(30))
    await bench.verified(upload)
    with pytest.raises(QuotaExceeded):
        await bench.created(21)
    await bench.end(upload.id, OWNER)
    with pytest.raises(QuotaExceeded):
        await bench.created(21)
    await bench.forget_name(upload.asset_id)
    await bench.created(50)


async def test_requests_are_counted_before_anything_is_asked_of_the_ledger() -> None:
    bench = Bench(pace=MemoryPace(tokens=1))
    await bench.created(10)
    bench.ledger.broken = True
    with pytest.raises(RateLimited):
        await bench.created(10)


async def test_an_upload_of_unknown_length_is_cut_where_the_bytes_of_all_end() -> None:
    bench = Bench(limits=Limits(WIDE, Ceiling(9, 9, bytes=35)))
    await bench.created(10, owner=STRANGER)
    upload = await bench.created(None)
    with pytest.raises(BytesInFlightExceeded):
        await bench.sent(upload, 0, bytes(30))
    assert bench.ledger[upload].offset == 20
    await bench.sent(upload, 20, bytes(5))
    with pytest.raises(BytesInFlightExceeded):
        await bench.sent(upload, 25, b"a")


async def test_a_length_that_is_said_late_counts_when_it_is_said() -> None:
    bench = Bench(limits=Limits(Ceiling(9, 9, bytes=30), WIDE))
    upload = await bench.created(None)
    await bench.sent(upload, 0, bytes(4))
    with pytest.raises(BytesInFlightExceeded):
        await bench.sent(upload, 4, length=31)
    assert bench.ledger[upload].length is None
    assert (await bench.sent(upload, 4, bytes(26), length=30)).whole
