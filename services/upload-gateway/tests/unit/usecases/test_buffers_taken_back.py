"""Clients that are slow while others wait for a buffer: they lose it, and nothing else."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import pytest
from gateway_support.bench import OWNER, PART, Bench
from gateway_support.fakes import ListedBody
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from common.errors import Unavailable
from upload_gateway.adapters.memory_buffers import MemoryBuffers, Turns
from upload_gateway.domain.checksum import BodyChecksum
from upload_gateway.domain.errors import ChecksumMismatch, Superseded
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.body import CutReason
from upload_gateway.usecases.append_bytes import Append

FILE = bytes(range(35))
AT_ONCE = Turns(long=0.002, short=0.001)
STEADY = Turns(long=0.002, short=0.001, trickle=1)  # everybody is slow, nobody trickles


class ToldBody(ListedBody):
    """Gives what it was told to give, and waits when that is used up."""

    def __init__(self) -> None:
        super().__init__()
        self._more, self._over = asyncio.Event(), False

    def give(self, *chunks: bytes | CutReason, over: bool = False) -> None:
        self._chunks += chunks
        self._over = over
        self._more.set()

    @override
    async def read_into(self, view: memoryview) -> int:
        while not self._chunks and not self._over:
            self._more.clear()
            await self._more.wait()
        return await super().read_into(view)


def bench_of_one(turns: Turns, patience: float = 5) -> Bench:
    return Bench(buffers=MemoryBuffers(count=1, size=PART, patience=patience, turns=turns))


def sent(
    bench: Bench,
    upload: Upload,
    body: ListedBody,
    checksum: BodyChecksum | None = None,
    *,
    closes: bool = False,
) -> asyncio.Future[Upload]:
    wanted = Append(upload.id, OWNER, upload.offset, None, None, checksum, closes, role="admin")
    return asyncio.ensure_future(bench.append(wanted, body))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (what is waited for is no event of its own)
            await asyncio.sleep(0.001)


async def whole(bench: Bench, sending: Awaitable[Upload]) -> None:
    found = await bench.verified(await sending)
    assert (found.state, found.sha256) == ("stored", hashlib.sha256(FILE).hexdigest())
    assert bench.store.objects[found.key] == FILE
    assert await bench.ledger.segments(found.id) == []
    assert not any(key.startswith(f"staging/{found.id}/") for key in bench.store.objects)


@pytest.mark.parametrize("turns", [AT_ONCE, STEADY])
async def test_a_slow_client_gives_its_buffer_to_who_waits_and_loses_no_byte(turns: Turns) -> None:
    bench, body = bench_of_one(turns), ToldBody()
    slow, other = await bench.created(35), await bench.created(35)
    sending = sent(bench, slow, body)
    body.give(FILE[:4])
    await until(lambda: body._chunks == [])
    await whole(bench, bench.sent(other, 0, FILE))
    assert bench.ledger[slow].offset in {3, 4}  # in pieces of three, or as it was
    for at in range(4, 35, 3):
        body.give(FILE[at : at + 3], over=at + 3 >= 35)
    await whole(bench, sending)


async def test_a_trickling_client_holds_no_buffer_up_to_the_end_of_its_part() -> None:
    bench, body = bench_of_one(AT_ONCE), ToldBody()
    slow = await bench.created(35)
    sending = sent(bench, slow, body)
    await until(lambda: bench.buffers.in_use == 1)
    async with bench.buffers.lease():
        body.give(FILE[:8])
        await until(lambda: bench.ledger[slow].offset == 6)
        staged = await bench.ledger.segments(slow.id)
        assert [(segment.start, segment.size) for segment in staged] == [(0, 3), (3, 3)]
    body.give(FILE[8:12])
    await until(lambda: bench.ledger[slow].offset == 10)
    assert await bench.ledger.segments(slow.id) == []
    body.give(FILE[12:], over=True)
    await whole(bench, sending)


@pytest.mark.parametrize("size", [4, 10, 13, 16])
async def test_a_trickle_of_unknown_length_ends_with_its_body(size: int) -> None:
    bench, body = bench_of_one(AT_ONCE), ToldBody()
    slow = await bench.created(None)
    sending = sent(bench, slow, body, closes=True)
    await until(lambda: bench.buffers.in_use == 1)
    async with bench.buffers.lease():
        body.give(FILE[:4])
        await until(lambda: bench.ledger[slow].offset == 3)
    body.give(FILE[4:size], over=True)
    found = await bench.verified(await sending)
    assert (found.state, found.sha256) == ("stored", hashlib.sha256(FILE[:size]).hexdigest())


async def test_a_client_that_nobody_waits_behind_keeps_its_buffer() -> None:
    bench, body = bench_of_one(AT_ONCE), ToldBody()
    slow = await bench.created(35)
    sending = sent(bench, slow, body)
    for at in range(35):
        body.give(FILE[at : at + 1], over=at == 34)
        await until(lambda: body._chunks == [])
        assert await bench.ledger.segments(slow.id) == []
    await whole(bench, sending)


async def test_a_quick_client_lets_others_go_before_its_next_part() -> None:
    turns = Turns(long=60, short=60)
    bench, body = bench_of_one(turns), ToldBody()
    quick, other = await bench.created(35), await bench.created(35)
    sending = sent(bench, quick, body)
    body.give(FILE[:8])
    await until(lambda: body._chunks == [])
    waiting = asyncio.ensure_future(bench.sent(other, 0, FILE))
    await until(lambda: bench.buffers.waiting == 1)
    body.give(FILE[8:], over=True)
    await asyncio.gather(whole(bench, sending), waiting)
    assert bench.buffers.in_use == 0
    assert [part.size for part in await bench.ledger.parts(quick.id)] == [10, 10, 10, 5]


@pytest.mark.parametrize("reason", ["client_gone", "asked", "stopping", "stalled"])
@pytest.mark.parametrize("turns", [AT_ONCE, STEADY])
async def test_a_cut_without_a_buffer_keeps_what_arrived(reason: CutReason, turns: Turns) -> None:
    bench, body = bench_of_one(turns), ToldBody()
    slow = await bench.created(35)
    sending = sent(bench, slow, body)
    await until(lambda: bench.buffers.in_use == 1)
    async with bench.buffers.lease():
        body.give(FILE[:5])
        await until(lambda: bench.ledger[slow].offset in {3, 5} or bench.buffers.waiting > 0)
        body.give(reason)
        if turns is AT_ONCE:
            await asyncio.gather(sending, return_exceptions=True)
    await asyncio.gather(sending, return_exceptions=True)
    assert bench.ledger[slow].offset == 5
    assert bench.buffers.in_use == 0


async def test_a_newer_request_cuts_one_that_waits_for_its_buffer_again() -> None:
    bench, body = bench_of_one(STEADY), ToldBody()
    slow = await bench.created(35)
    sending = sent(bench, slow, body)
    body.give(FILE[:4])
    await until(lambda: body._chunks == [])
    async with bench.buffers.lease():
        await until(lambda: bench.buffers.waiting == 1)
        assert (await bench.find(slow.id)).offset == 4
    with pytest.raises(Superseded):
        await sending
    await whole(bench, bench.sent(bench.ledger[slow], 4, FILE[4:]))


async def test_no_buffer_in_time_is_told_and_what_was_sent_counts() -> None:
    bench, body = bench_of_one(STEADY, patience=0.05), ToldBody()
    slow = await bench.created(35)
    sending = sent(bench, slow, body)
    body.give(FILE[:4])
    await until(lambda: body._chunks == [])
    async with bench.buffers.lease():
        with pytest.raises(Unavailable) as refused:
            await sending
    assert refused.value.code == "no_buffer_free"
    assert bench.ledger[slow].offset == 4


def sha1(body: bytes) -> BodyChecksum:
    return BodyChecksum("sha1", hashlib.sha1(body).digest())


async def test_under_a_checksum_nothing_counts_before_the_body_ended() -> None:
    bench, body = bench_of_one(AT_ONCE), ToldBody()
    slow = await bench.created(35)
    sending = sent(bench, slow, body, sha1(FILE[:33]))
    await until(lambda: bench.buffers.in_use == 1)
    async with bench.buffers.lease():
        body.give(FILE[:8])
        await until(lambda: len(bench.store.objects) == 2)
        assert bench.ledger[slow].offset == 0
    body.give(FILE[8:33], over=True)
    assert (await sending).offset == 33
    staged = await bench.ledger.segments(slow.id)
    assert [(segment.start, segment.size) for segment in staged] == [(30, 3)]
    assert [key for key in bench.store.objects if key != staged[0].key] == []
    await whole(bench, bench.sent(bench.ledger[slow], 33, FILE[33:]))


async def test_pieces_of_a_body_that_was_another_one_are_taken_away() -> None:
    bench, body = bench_of_one(AT_ONCE), ToldBody()
    slow = await bench.created(35)
    sending = sent(bench, slow, body, sha1(b"another"))
    await until(lambda: bench.buffers.in_use == 1)
    async with bench.buffers.lease():
        body.give(FILE[:7], over=True)
        with pytest.raises(ChecksumMismatch):
            await sending
    assert bench.store.objects == {}
    assert bench.ledger[slow].offset == 0


class PausingBody(ListedBody):
    """Lets everybody else run for a while before each chunk."""

    def __init__(self, pauses: list[int], *chunks: bytes | CutReason) -> None:
        super().__init__(*chunks)
        self._pauses = pauses

    @override
    async def read_into(self, view: memoryview) -> int:
        for _ in range(self._pauses.pop() if self._pauses else 0):
            await asyncio.sleep(0)
        return await super().read_into(view)


@given(st.data(), st.sampled_from([AT_ONCE, STEADY]), st.integers(1, 3))
@settings(deadline=None, max_examples=60)
async def test_any_crowd_on_any_pool_brings_all_its_files_whole(
    data: st.DataObject, turns: Turns, count: int
) -> None:
    bench = Bench(buffers=MemoryBuffers(count=count, size=PART, patience=9, turns=turns))
    sendings = []
    for _ in range(data.draw(st.integers(2, 5))):
        cuts = sorted(data.draw(st.lists(st.integers(1, 34), max_size=8)))
        chunks = [FILE[a:b] for a, b in zip([0, *cuts], [*cuts, 35], strict=True) if b > a]
        pauses = data.draw(st.lists(st.integers(0, 40), max_size=9))
        way = data.draw(st.sampled_from(["plain", "checked", "of unknown length"]))
        closes = way == "of unknown length"
        upload = await bench.created(None if closes else 35)
        checksum = sha1(FILE) if way == "checked" else None
        body = PausingBody(pauses, *chunks)
        sendings.append(sent(bench, upload, body, checksum, closes=closes))
    for upload in await asyncio.gather(*sendings):
        found = await bench.verified(upload)
        assert (found.state, found.sha256) == ("stored", hashlib.sha256(FILE).hexdigest())
        assert [part.size for part in await bench.ledger.parts(upload.id)] == [10, 10, 10, 5]
    assert not any(key.startswith("staging/") for key in bench.store.objects)
    assert bench.buffers.in_use == 0


async def test_what_a_body_gives_up_under_a_checksum_is_its_own_and_no_newer_writers() -> None:
    """The newer one is in another process, so the older one has not ended when it commits."""
    bench, body = bench_of_one(STEADY), ToldBody()
    elsewhere = Bench(ledger=bench.ledger, store=bench.store)
    upload = await bench.created(35)
    sending = sent(bench, upload, body, BodyChecksum("sha1", hashlib.sha1(FILE).digest()))
    body.give(FILE[:4])
    await until(lambda: body._chunks == [])
    async with bench.buffers.lease():
        assert [key for key in bench.store.objects if key.startswith("staging/")]
    await elsewhere.sent(upload, 0, FILE[:6], "client_gone")
    body.give("client_gone")
    await sending
    assert [segment.start for segment in await bench.ledger.segments(upload.id)] == [0]
    await whole(bench, elsewhere.sent(upload, 6, FILE[6:]))


@pytest.mark.parametrize("checked", [True, False])
async def test_a_whole_body_that_does_not_end_holds_no_buffer(checked: bool) -> None:
    """Sent in chunks, the last of which never comes: nothing is left for it to be put into."""
    bench, body = bench_of_one(AT_ONCE), ToldBody()
    checksum = BodyChecksum("sha1", hashlib.sha1(FILE).digest()) if checked else None
    sending = sent(bench, await bench.created(35), body, checksum)
    body.give(FILE)
    await until(lambda: body._chunks == [] and bench.buffers.in_use == 0)
    assert not sending.done()
    body.give(over=True)
    await whole(bench, sending)
