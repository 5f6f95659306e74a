"""A buffer goes to somebody else when its request ends: nothing may use it any more by then."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
from gateway_support.bench import OWNER, PART, Bench
from gateway_support.fakes import ListedBody, MemoryStore
from typing_extensions import override

from common.errors import Unavailable
from common.ids import ObjectKey
from upload_gateway.adapters.memory_buffers import MemoryBuffers
from upload_gateway.domain.errors import Superseded
from upload_gateway.domain.upload import Segment
from upload_gateway.usecases.append_bytes import Append

FILE = bytes(range(3 * PART + 5))
What = Literal["waits", "fails"]


class AheadStore(MemoryStore):
    """Part 3 is on its way for ever; part 2 waits until it began, and does as told."""

    def __init__(self, second: What) -> None:
        super().__init__()
        self.second: What = second
        self.third_begun, self.second_may_end = asyncio.Event(), asyncio.Event()
        self.in_use: Callable[[], int] = lambda: 0
        self.buffers_when_third_ended = 0

    @override
    async def put_part(
        self, key: ObjectKey, multipart_id: str, number: int, body: memoryview
    ) -> str:
        if number == 3:
            try:
                self.third_begun.set()
                await asyncio.Event().wait()
            finally:
                self.buffers_when_third_ended = self.in_use()
        if number == 2:
            await self.third_begun.wait()
            if self.second == "fails":
                raise Unavailable(code="storage_unavailable") from OSError("reset")
            await self.second_may_end.wait()
        return await super().put_part(key, multipart_id, number, body)


def bench_with(store: AheadStore) -> Bench:
    bench = Bench(store=store)
    store.in_use = lambda: bench.buffers.in_use
    return bench


def nothing_goes_on(bench: Bench, store: AheadStore) -> None:
    assert store.buffers_when_third_ended == 2, "a buffer was given away while it was being sent"
    assert bench.buffers.in_use == 0
    assert len(asyncio.all_tasks()) == 1


async def test_a_part_sent_ahead_ends_before_the_request_whose_earlier_part_failed() -> None:
    store = AheadStore("fails")
    bench = bench_with(store)
    upload = await bench.created(len(FILE))
    with pytest.raises(Unavailable) as failed:
        await bench.sent(upload, 0, FILE)
    assert isinstance(failed.value.__cause__, OSError)
    nothing_goes_on(bench, store)


async def test_a_part_sent_ahead_ends_with_a_request_that_is_given_up() -> None:
    store = AheadStore("waits")
    bench = bench_with(store)
    upload = await bench.created(len(FILE))

    async def send() -> None:
        with pytest.raises(asyncio.CancelledError):
            await bench.sent(upload, 0, FILE)

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(send())
        await store.third_begun.wait()
        sending.cancel()
    nothing_goes_on(bench, store)


async def test_a_part_sent_ahead_ends_with_a_request_that_a_newer_one_took_over() -> None:
    store = AheadStore("waits")
    bench = bench_with(store)
    upload = await bench.created(len(FILE))

    async def take_over() -> None:
        await store.third_begun.wait()
        uploads = bench.ledger.tables.uploads
        uploads[upload.id] = replace(
            uploads[upload.id], generation=uploads[upload.id].generation + 1
        )
        store.second_may_end.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(take_over())
        with pytest.raises(Superseded):
            await bench.sent(upload, 0, FILE)
    nothing_goes_on(bench, store)


class HalfReadStore(MemoryStore):
    """Refuses to give the first segment back while it is still giving the second one."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = False
        self.second_begun = asyncio.Event()
        self.late = asyncio.Event()

    @override
    async def read_into(self, segment: Segment, view: memoryview) -> None:
        if self.refuses and segment.start == 0:
            await self.second_begun.wait()
            raise Unavailable(code="storage_unavailable")
        if self.refuses:
            self.second_begun.set()
            await self.late.wait()
        await super().read_into(segment, view)


class LateBody(ListedBody):
    """While its bytes are in the buffer, everything that was late comes."""

    def __init__(self, body: bytes, late: asyncio.Event) -> None:
        super().__init__(body)
        self._late = late

    @override
    async def read_into(self, view: memoryview) -> int:
        got = await super().read_into(view)
        self._late.set()
        for _ in range(5):
            await asyncio.sleep(0)
        return got


async def test_what_a_failed_request_still_read_never_gets_into_another_upload() -> None:
    store = HalfReadStore()
    bench = Bench(store=store, buffers=MemoryBuffers(count=1, size=PART, patience=1))
    first = await bench.created(2 * PART)
    first = await bench.sent(first, 0, FILE[:3])
    first = await bench.sent(first, 3, FILE[3:7])
    store.refuses = True
    with pytest.raises(Unavailable):
        await bench.sent(first, 7, FILE[7 : 2 * PART])
    body = b"B" * PART
    other = await bench.created(PART)
    other = await bench.append(
        Append(other.id, OWNER, 0, None, role="admin"), LateBody(body, store.late)
    )
    found = await bench.verified(other)
    assert (found.state, found.sha256) == ("stored", hashlib.sha256(body).hexdigest())
    assert store.objects[other.key] == body
