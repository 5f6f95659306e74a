import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from gateway_support.bench import OWNER, PART, STRANGER, Bench
from gateway_support.fakes import ListedBody, MemoryStore
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from common.errors import Unavailable
from common.ids import ObjectKey
from upload_gateway.adapters.memory_buffers import MemoryBuffers
from upload_gateway.domain.errors import (
    KindForbidden,
    LengthMismatch,
    OffsetMismatch,
    OverLimit,
    PastLength,
    Superseded,
    UploadCut,
    UploadGone,
    UploadNotFound,
)
from upload_gateway.domain.limits import Sizes
from upload_gateway.domain.upload import Segment
from upload_gateway.ports.body import CutReason
from upload_gateway.usecases.append_bytes import Append

FILE = bytes(range(35))
DIGEST = hashlib.sha256(FILE).hexdigest()


async def test_a_whole_body_becomes_equal_parts_and_a_digest() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE)
    assert (upload.state, upload.offset, upload.sha256) == ("verifying", 35, DIGEST)
    assert [part.size for part in await bench.ledger.parts(upload.id)] == [10, 10, 10, 5]
    assert bench.ledger.tables.jobs == [upload.id]
    assert bench.buffers.in_use == 0


@given(st.lists(st.integers(1, 12), max_size=20), st.booleans())
@settings(deadline=None)
async def test_any_cutting_into_requests_gives_the_same_file(
    sizes: list[int], restarts: bool
) -> None:
    bench = Bench()
    upload = await bench.created(len(FILE))
    for size in [*sizes, len(FILE)]:
        at = upload.offset
        if at == len(FILE):
            break
        upload = await bench.sent(upload, at, FILE[at : at + size])
        assert upload.offset == min(at + size, len(FILE))
        if restarts:
            bench.restart()
    found = await bench.verified(upload)
    assert (found.state, found.sha256) == ("stored", DIGEST)
    assert bench.store.objects[upload.key] == FILE
    assert [p.size for p in await bench.ledger.parts(upload.id)] == [10, 10, 10, 5]


async def test_a_tail_is_one_immutable_segment_and_goes_when_its_part_is_committed() -> None:
    bench = Bench()
    upload = await bench.created(35)
    upload = await bench.sent(upload, 0, FILE[:13])
    upload = await bench.sent(upload, 13, FILE[13:17])
    staged = await bench.ledger.segments(upload.id)
    assert [(segment.start, segment.size) for segment in staged] == [(10, 3), (13, 4)]
    upload = await bench.sent(upload, 17, FILE[17:20])
    assert await bench.ledger.segments(upload.id) == []
    assert not any(key.startswith("staging/") for key in bench.store.objects)


@pytest.mark.parametrize("reason", ["client_gone", "asked", "stopping", "stalled"])
async def test_a_cut_body_keeps_what_arrived(reason: CutReason) -> None:
    bench = Bench()
    upload = await bench.created(35)
    with suppress(UploadCut, Superseded):
        await bench.sent(upload, 0, FILE[:8], FILE[8:27], reason, FILE[27:])
    assert bench.ledger[upload].offset == 27


@pytest.mark.parametrize("reason", ["superseded", "ended"])
async def test_a_replaced_or_ended_request_keeps_whole_parts_only(reason: CutReason) -> None:
    bench = Bench()
    upload = await bench.created(35)
    with pytest.raises((Superseded, UploadGone)):
        await bench.sent(upload, 0, FILE[:27], reason)
    assert bench.ledger[upload].offset == 20


async def test_a_wrong_offset_changes_nothing() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE[:13])
    with pytest.raises(OffsetMismatch):
        await bench.sent(upload, 12, FILE[12:])
    assert bench.ledger[upload] == upload


async def test_a_declared_body_past_the_length_is_refused_unread() -> None:
    bench = Bench()
    upload = await bench.created(5)
    with pytest.raises(PastLength):
        await bench.append(Append(upload.id, OWNER, 0, 6, role="admin"), ListedBody(b"123456"))
    assert bench.ledger[upload].offset == 0


async def test_a_body_in_chunks_past_the_length_counts_up_to_it() -> None:
    bench = Bench()
    upload = await bench.created(5)
    with pytest.raises(PastLength):
        await bench.sent(upload, 0, b"12345", b"6")
    assert bench.ledger[upload].state == "verifying"


async def test_another_ones_upload_does_not_exist() -> None:
    bench = Bench()
    upload = await bench.created(5)
    with pytest.raises(UploadNotFound):
        await bench.append(Append(upload.id, STRANGER, 0, 5, role="admin"), ListedBody(b"12345"))


async def test_an_owner_who_may_not_send_this_kind_any_more_adds_nothing() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE[:13])
    with pytest.raises(KindForbidden):
        await bench.append(Append(upload.id, OWNER, 13, 22, role="user"), ListedBody(FILE[13:]))
    assert bench.ledger[upload] == upload


async def test_a_store_that_fails_leaves_the_committed_offset() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE[:10])
    bench.store.down = True
    with pytest.raises(Unavailable):
        await bench.sent(upload, 10, FILE[10:])
    assert bench.ledger[upload].offset == 10
    assert bench.buffers.in_use == 0
    bench.store.down = False
    done = await bench.sent(upload, 10, FILE[10:])
    # the digest saw bytes that were never committed, so it is not believed
    assert done.sha256 is None
    assert (await bench.verified(done)).sha256 == DIGEST


class Overtaking(MemoryStore):
    """Answers part 2 only when part 3 has come; `fails` is the number of one that it refuses."""

    def __init__(self, fails: int = 0) -> None:
        super().__init__()
        self.fails, self.third = fails, asyncio.Event()

    @override
    async def put_part(
        self, key: ObjectKey, multipart_id: str, number: int, body: memoryview
    ) -> str:
        if number == 3:
            self.third.set()
        if number == 2:
            await asyncio.wait_for(self.third.wait(), 5)
        if number == self.fails:
            raise Unavailable(code="storage_unavailable")
        return await super().put_part(key, multipart_id, number, body)


async def test_a_part_is_on_its_way_while_the_one_before_is_not_yet_stored() -> None:
    bench = Bench(store=Overtaking())
    upload = await bench.sent(await bench.created(35), 0, FILE)
    assert (upload.state, upload.sha256) == ("verifying", DIGEST)
    assert [part.number for part in await bench.ledger.parts(upload.id)] == [1, 2, 3, 4]
    assert bench.store.objects[(await bench.verified(upload)).key] == FILE


@pytest.mark.parametrize(("fails", "committed"), [(2, 1), (3, 2)])
async def test_a_part_counts_only_after_all_before_it(fails: int, committed: int) -> None:
    store = Overtaking(fails)
    bench = Bench(store=store)
    upload = await bench.created(35)
    with pytest.raises(Unavailable):
        await bench.sent(upload, 0, FILE)
    assert bench.ledger[upload].offset == committed * PART
    assert [part.number for part in await bench.ledger.parts(upload.id)] == [1, 2][:committed]
    assert bench.buffers.in_use == 0
    store.fails = 0
    at = bench.ledger[upload].offset
    resumed = await bench.sent(bench.ledger[upload], at, FILE[at:])
    assert bench.store.objects[(await bench.verified(resumed)).key] == FILE


async def test_a_database_that_fails_acknowledges_nothing() -> None:
    bench = Bench()
    upload = await bench.created(35)
    bench.ledger.broken = True
    with pytest.raises(Unavailable):
        await bench.sent(upload, 0, FILE)
    bench.ledger.broken = False
    assert bench.ledger[upload].offset == 0


class SlowBody(ListedBody):
    """Says when it is read, and gives its bytes when told."""

    def __init__(self, *chunks: bytes | CutReason) -> None:
        super().__init__(*chunks)
        self.reading, self.go = asyncio.Event(), asyncio.Event()

    @override
    async def read_into(self, view: memoryview) -> int:
        self.reading.set()
        await self.go.wait()
        return await super().read_into(view)


async def test_the_newer_request_wins_and_the_older_is_cut() -> None:
    bench = Bench()
    upload = await bench.created(35)
    slow = SlowBody(FILE)
    older = asyncio.ensure_future(bench.append(Append(upload.id, OWNER, 0, 35, role="admin"), slow))
    await slow.reading.wait()
    done = await bench.sent(upload, 0, FILE)
    assert (done.state, done.sha256) == ("verifying", DIGEST)
    with pytest.raises(Superseded):
        await older


async def test_an_older_request_of_another_process_fails_at_its_next_commit() -> None:
    bench, elsewhere = Bench(), Bench()
    elsewhere.ledger.tables, elsewhere.store.objects = bench.ledger.tables, bench.store.objects
    upload = await bench.created(35)
    slow = SlowBody(FILE)
    older = asyncio.ensure_future(bench.append(Append(upload.id, OWNER, 0, 35, role="admin"), slow))
    await slow.reading.wait()
    taken = bench.ledger[upload].continued(0, 35)
    async with bench.ledger.change() as tx:
        await tx.save(taken)
    slow.go.set()
    with pytest.raises(Superseded):
        await older
    assert bench.ledger[upload].offset == 0


async def test_a_full_pool_is_told_after_a_bounded_wait() -> None:
    bench = Bench()
    upload = await bench.created(35)
    async with bench.buffers.lease(), bench.buffers.lease():
        with pytest.raises(Unavailable) as refused:
            await bench.sent(upload, 0, FILE)
    assert refused.value.code == "no_buffer_free"
    assert (await bench.sent(upload, 0, FILE)).offset == 35


async def test_a_request_that_waits_for_a_buffer_can_be_cut() -> None:
    bench = Bench(buffers=MemoryBuffers(count=1, size=PART, patience=9))
    upload = await bench.created(35)
    async with bench.buffers.lease():
        waiting = asyncio.ensure_future(bench.sent(upload, 0, FILE))
        async with asyncio.timeout(5):
            while not bench.buffers.waiting:
                await asyncio.wait({waiting}, timeout=0.001)
            assert (await bench.find(upload.id)).offset == 0
    with pytest.raises(Superseded):
        await waiting
    assert bench.buffers.in_use == 0


async def test_parts_larger_than_the_buffers_are_told() -> None:
    bench = Bench()
    bench.create = replace(bench.create, part_size=PART * 2)
    upload = await bench.created(35)
    with pytest.raises(Unavailable) as refused:
        await bench.sent(upload, 0, FILE)
    assert refused.value.code == "part_size_lowered"


async def test_progress_moves_the_expiry() -> None:
    bench = Bench()
    upload = await bench.created(35)
    bench.clock.advance(50)
    assert (await bench.sent(upload, 0, FILE[:5])).expires_at > upload.expires_at


@given(st.lists(st.integers(1, 12), max_size=8), st.booleans(), st.booleans())
@settings(deadline=None)
async def test_a_length_may_be_said_with_the_last_bytes_or_after_them(
    sizes: list[int], restarts: bool, after: bool
) -> None:
    bench = Bench()
    upload = await bench.created(None)
    for size in sizes:
        upload = await bench.sent(upload, upload.offset, FILE[upload.offset :][:size])
        assert upload.length is None
        if restarts:
            bench.restart()
    if after:
        upload = await bench.sent(upload, upload.offset, FILE[upload.offset :])
        assert upload.state == "receiving"
    rest = FILE[upload.offset :]
    upload = await bench.sent(upload, upload.offset, rest, length=35)
    assert (upload.state, upload.length) == ("verifying", 35)
    assert bench.ledger[upload] == upload
    found = await bench.verified(upload)
    assert (found.state, found.sha256, found.size) == ("stored", DIGEST, 35)
    assert bench.store.objects[upload.key] == FILE


async def test_a_length_of_nothing_ends_an_upload_of_nothing() -> None:
    bench = Bench()
    upload = await bench.created(None)
    upload = await bench.append(Append(upload.id, OWNER, 0, 0, 0, role="admin"), ListedBody())
    assert (await bench.verified(upload)).reason == "empty"


async def test_a_length_said_in_vain_can_be_said_again() -> None:
    """It makes the upload whole only together with its last part."""
    bench = Bench()
    upload = await bench.sent(await bench.created(None), 0, FILE[:13])
    bench.store.down = True
    with pytest.raises(Unavailable):
        await bench.append(Append(upload.id, OWNER, 13, 0, 13, role="admin"), ListedBody())
    assert bench.ledger[upload].length is None
    bench.store.down = False
    done = await bench.append(Append(upload.id, OWNER, 13, 0, 13, role="admin"), ListedBody())
    assert (await bench.verified(done)).sha256 == hashlib.sha256(FILE[:13]).hexdigest()


async def test_an_open_length_is_cut_at_the_limit() -> None:
    bench = Bench()
    upload = await bench.created(None)
    upload = await bench.sent(upload, 0, b"x" * 995)
    with pytest.raises(OverLimit):
        await bench.sent(upload, 995, b"y" * 6)
    assert bench.ledger[upload].offset == 1000
    with pytest.raises(LengthMismatch):
        await bench.sent(upload, 1000, length=999)
    assert (await bench.sent(upload, 1000, length=1000)).state == "verifying"


@pytest.mark.parametrize(
    "chunks", [(FILE,), (FILE[:10],), (FILE[:13],), (FILE[:27], "asked"), (FILE[:27], "superseded")]
)
async def test_whoever_waits_elsewhere_hears_of_each_end(chunks: tuple[bytes | CutReason]) -> None:
    bench = Bench()
    upload = await bench.created(35)
    with suppress(Superseded):
        await bench.sent(upload, 0, *chunks)
    assert bench.ledger.tables.writers == {}


async def test_a_failure_is_an_end_too() -> None:
    bench = Bench()
    upload = await bench.created(35)
    bench.store.down = True
    with pytest.raises(Unavailable):
        await bench.sent(upload, 0, FILE)
    assert bench.ledger.tables.writers == {}


@pytest.mark.parametrize("limit", [30, 35])
async def test_a_full_upload_of_open_length_takes_an_end_and_not_a_byte(limit: int) -> None:
    bench = Bench()
    bench.create = replace(bench.create, sizes=Sizes(limit))
    upload = await bench.sent(await bench.created(None), 0, FILE[:limit])
    parts = await bench.ledger.parts(upload.id)
    with pytest.raises(OverLimit):
        await bench.sent(upload, limit, b"x")
    upload = await bench.sent(upload, limit)
    assert await bench.ledger.parts(upload.id) == parts
    done = await bench.sent(upload, limit, length=limit)
    assert (await bench.verified(done)).state == "stored"


async def test_a_segment_that_is_not_needed_any_more_fails_no_request() -> None:
    """All bytes count by then; what is left of it goes with the upload's end."""

    class Keeping(MemoryStore):
        @override
        async def remove(self, key: ObjectKey | Sequence[Segment]) -> None:
            raise Unavailable(code="storage_unavailable")

    bench = Bench(store=Keeping())
    upload = await bench.sent(await bench.created(35), 0, FILE[:13])
    upload = await bench.sent(upload, 13, FILE[13:])
    assert upload.state == "verifying"
    await bench.verified(upload)
    bench.clock.advance(2)
    await bench.expire()
    assert set(bench.store.objects) == {upload.key}
    assert await bench.ledger.segments(upload.id) == []
