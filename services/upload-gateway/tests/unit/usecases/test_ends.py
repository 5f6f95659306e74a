import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from gateway_support.bench import EXPIRY, OWNER, STRANGER, Bench
from gateway_support.fakes import MemoryLedger, MemoryStore, MemoryTransaction
from typing_extensions import override

from common.errors import Corrupt, TooLarge, Unavailable
from common.ids import ObjectKey, UploadId, new_upload_id, staging_key
from upload_gateway.adapters.asyncio_writers import AsyncioWriters
from upload_gateway.domain.errors import Superseded, UploadGone, UploadNotFound
from upload_gateway.domain.intake import Intake
from upload_gateway.domain.upload import Segment
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.look_again import look_again

FILE = bytes(range(35))


async def test_aborting_frees_everything_and_gives_the_keys_away() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE[:13])
    await bench.end(upload.id, OWNER)
    ended = bench.ledger[upload]
    assert (ended.state, ended.cleared) == ("aborted", True)
    assert (bench.store.multiparts, bench.store.objects) == ({}, {})
    assert bench.ledger.types == ["started", "upload", "upload", "aborted"]
    with pytest.raises(UploadGone):
        await bench.end(upload.id, OWNER)
    with pytest.raises(UploadGone):
        await bench.find(upload.id)


async def test_only_the_owner_may_end_it() -> None:
    bench = Bench()
    upload = await bench.created(35)
    with pytest.raises(UploadNotFound):
        await bench.end(upload.id, STRANGER)


async def test_a_stored_upload_is_withdrawn_and_its_object_stays() -> None:
    bench = Bench()
    upload = await bench.verified(await bench.sent(await bench.created(35), 0, FILE))
    await bench.end(upload.id, OWNER)
    assert bench.ledger[upload].state == "withdrawn"
    assert upload.key in bench.store.objects
    assert bench.ledger.types[-1] == "withdrawn"


async def test_what_the_store_refused_to_free_is_freed_by_the_sweep() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE[:13])
    bench.store.down = True
    await bench.end(upload.id, OWNER)
    assert not bench.ledger[upload].cleared
    bench.clock.advance(2)
    with pytest.raises(Unavailable):
        await bench.expire()
    bench.store.down = False
    await bench.expire()
    assert bench.ledger[upload].cleared
    assert bench.store.multiparts == {}


async def test_whoever_ends_an_upload_does_not_wait_for_a_silent_store() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE[:13])

    class Silent(MemoryStore):
        @override
        async def discard(self, key: ObjectKey, known: str | None) -> None:
            await asyncio.Event().wait()

    clear = replace(bench.clear, store=Silent(), patience=0.01)
    await replace(bench.end, clear=clear)(upload.id, OWNER)
    assert bench.ledger[upload].state == "aborted"
    assert not bench.ledger[upload].cleared
    bench.clock.advance(2)
    await bench.expire()
    assert bench.ledger[upload].cleared


async def test_an_upload_expires_when_nobody_continues_and_not_before() -> None:
    bench = Bench()
    quiet, moving = await bench.created(35), await bench.created(35)
    bench.clock.advance(EXPIRY - 1)
    moving = await bench.sent(moving, 0, FILE[:5])
    bench.clock.advance(1)
    assert await bench.expire() == 1
    assert bench.ledger[quiet].state == "expired"
    assert bench.ledger[moving].state == "receiving"
    assert bench.ledger.types.count("expired") == 1


async def test_what_a_writer_that_does_not_end_may_leave_is_cleared_by_the_sweep() -> None:
    bench = Bench()
    bench.writers = AsyncioWriters(stall=9, patience=0.01)
    bench.end = EndUpload(bench.ledger, bench.writers, bench.presence, bench.clear, bench.clock)
    upload = await bench.sent(await bench.created(35), 0, FILE[:15], "client_gone")
    async with bench.writers.writing(upload.id, upload.generation):
        await bench.end(upload.id, OWNER)
        assert not bench.ledger[upload].cleared
        await bench.store.put(upload.id, 15, memoryview(b"late"))
    bench.clock.advance(2)
    await bench.expire()
    assert bench.ledger[upload].cleared
    assert bench.store.objects == {}


async def test_an_upload_whose_leftovers_cannot_be_removed_keeps_no_other_from_it() -> None:
    bench = Bench()
    stuck, other = await bench.created(35), await bench.created(35)
    bench.store.refused = stuck.key
    bench.clock.advance(EXPIRY)
    for _ in range(2):
        with pytest.raises(Corrupt):
            await bench.expire()
        bench.clock.advance(2)
    assert (bench.ledger[stuck].cleared, bench.ledger[other].cleared) == (False, True)
    bench.store.refused = None
    await bench.expire()
    assert bench.ledger[stuck].cleared


@pytest.mark.parametrize("by", ["client", "sweep"])
async def test_an_upload_that_came_in_crumbs_ends_as_every_other(by: str) -> None:
    """What names each of its pieces would be more than a record may hold."""
    bench = Bench()
    upload = await bench.created(1000)
    async with bench.ledger.change() as tx:
        for start in range(15_000):
            await tx.add_segment(upload.id, Segment(start, 1, staging_key(upload.id, start)))
    if by == "client":
        await bench.end(upload.id, OWNER)
    else:
        bench.clock.advance(EXPIRY)
        assert await bench.expire() == 1
    assert bench.ledger[upload].cleared


async def test_an_upload_that_cannot_be_ended_keeps_no_other_from_its_end() -> None:
    class Refusing(MemoryLedger):
        @override
        @asynccontextmanager
        async def change(self) -> AsyncIterator[MemoryTransaction]:
            async with super().change() as tx:
                yield tx
                if (await tx.locked(stuck.id)).state == "expired":
                    raise TooLarge

    bench = Bench()
    stuck, other = await bench.created(35), await bench.created(35)
    refusing = Refusing()
    refusing.tables = bench.ledger.tables
    bench = Bench(ledger=refusing, clock=bench.clock)
    bench.clock.advance(EXPIRY)
    with pytest.raises(TooLarge):
        await bench.expire()
    assert bench.ledger[stuck].state == "created"
    assert bench.ledger[other].cleared


async def test_an_upload_with_very_much_to_remove_keeps_no_other_from_it() -> None:
    class Endless(MemoryStore):
        @override
        async def clear(self, upload_id: UploadId) -> None:
            if upload_id == stuck.id:
                await asyncio.Event().wait()

    bench = Bench(store=Endless())
    stuck, other = await bench.created(35), await bench.created(35)
    bench.clock.advance(EXPIRY)
    with pytest.raises(Unavailable):
        await replace(bench.expire, at_most=0.01)()
    assert (bench.ledger[stuck].cleared, bench.ledger[other].cleared) == (False, True)


async def test_a_finished_upload_never_expires() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE)
    bench.clock.advance(timedelta(days=9).total_seconds())
    assert await bench.expire() == 0
    assert bench.ledger[upload].state == "verifying"


async def test_the_catalogs_word_makes_a_stored_upload_a_duplicate_once() -> None:
    bench = Bench()
    upload = await bench.verified(await bench.sent(await bench.created(35), 0, FILE))
    first = UUID(int=7)
    await bench.mark_duplicate(upload.id, first)
    await bench.mark_duplicate(upload.id, UUID(int=8))
    assert (bench.ledger[upload].state, bench.ledger[upload].duplicate_of) == ("duplicate", first)
    await bench.mark_duplicate(new_upload_id(), first)


async def test_only_a_stored_upload_has_a_receipt_and_only_for_its_owner() -> None:
    bench = Bench()
    upload = await bench.created(35)
    assert (await bench.describe(upload.id, OWNER)).receipt is None
    await bench.verified(await bench.sent(upload, 0, FILE))
    receipt = (await bench.describe(upload.id, OWNER)).receipt
    assert receipt is not None
    told = bench.describe.receipts.verify(receipt, now=bench.clock.now())
    assert (told.upload_id, told.key, told.size) == (upload.id, upload.key, 35)
    with pytest.raises(UploadNotFound):
        await bench.describe(upload.id, STRANGER)


async def test_pages_follow_each_other_from_the_newest() -> None:
    bench = Bench()
    made = [await bench.created(5) for _ in range(5)]
    await bench.created(5, owner=STRANGER, filetype="audio/flac")
    seen, after = [], None
    while True:
        page = await bench.list(OWNER, after, 2)
        seen += [upload.id for upload in page.uploads]
        after = page.next
        if after is None:
            break
    assert seen == [upload.id for upload in reversed(made)]


async def test_an_upload_that_somebody_writes_to_does_not_expire() -> None:
    bench = Bench()
    upload = await bench.created(35)
    async with bench.ledger.change() as tx:
        await tx.present(upload)
    bench.clock.advance(EXPIRY + 1)
    assert await bench.expire() == 0
    await bench.presence.gone(upload.id, upload.generation)
    assert await bench.expire() == 1
    assert bench.ledger[upload].state == "expired"


async def test_uploads_that_the_store_refuses_to_clear_keep_no_other_from_it() -> None:
    bench = Bench()
    stuck = [await bench.created(35) for _ in range(3)]
    other = await bench.created(35)

    class Refusing(MemoryStore):
        @override
        async def discard(self, key: ObjectKey, known: str | None) -> None:
            if key in {upload.key for upload in stuck}:
                raise Corrupt(code="storage_refused")

    expire = replace(bench.expire, clear=replace(bench.clear, store=Refusing()))
    bench.clock.advance(EXPIRY)
    with pytest.raises(Corrupt):
        await expire()
    assert bench.ledger[other].cleared


async def test_an_end_that_the_store_refuses_to_follow_is_an_end() -> None:
    bench = Bench()
    upload = await bench.created(35)
    bench.store.refused = upload.key
    await bench.end(upload.id, OWNER)
    assert (bench.ledger[upload].state, bench.ledger[upload].cleared) == ("aborted", False)


async def test_the_sweep_waits_for_a_writer_that_has_not_heard_of_the_end() -> None:
    bench = Bench()
    upload = await bench.created(35)
    async with bench.ledger.change() as tx:
        await tx.present(upload)
        await tx.save(upload.aborted(bench.clock.now()))
    bench.clock.advance(2)
    await bench.expire()
    assert not bench.ledger[upload].cleared
    await bench.presence.gone(upload.id, upload.generation)
    await bench.expire()
    assert bench.ledger[upload].cleared


@pytest.mark.parametrize("body", [FILE[:3], FILE[:13]])
async def test_what_a_writer_leaves_after_its_upload_was_cleared_is_cleared_again(
    body: bytes,
) -> None:
    """One that was silent for so long that nobody waited for it."""

    class Slow(MemoryStore):
        @override
        async def put(self, upload_id: UploadId, start: int, body: memoryview) -> Segment:
            await ended_and_cleared()
            return await super().put(upload_id, start, body)

        @override
        async def open(self, key: ObjectKey, content_type: str) -> str:
            await ended_and_cleared()
            return await super().open(key, content_type)

    bench = Bench(store=Slow())
    upload = await bench.created(35)

    async def ended_and_cleared() -> None:
        async with bench.ledger.change() as tx:
            await tx.save(bench.ledger[upload].aborted(bench.clock.now()))
        await bench.clear(upload.id)
        assert bench.ledger[upload].cleared

    with pytest.raises(Superseded):
        await bench.sent(upload, 0, body, "client_gone")
    bench.clock.advance(2)
    await bench.expire()
    assert bench.ledger[upload].cleared
    assert (bench.store.objects, bench.store.multiparts) == ({}, {})


async def test_what_a_writer_leaves_while_its_upload_is_being_cleared_is_cleared_again() -> None:
    class Late(MemoryStore):
        late = True

        @override
        async def clear(self, upload_id: UploadId) -> None:
            await super().clear(upload_id)
            if self.late:
                self.late = False
                with pytest.raises(Superseded):
                    await bench.append.receive.stage(upload, memoryview(FILE[:3]), Intake(None))
                await look_again(bench.ledger, upload.id)

    bench = Bench(store=Late())
    upload = await bench.created(35)
    await bench.end(upload.id, OWNER)
    bench.clock.advance(2)
    await bench.expire()
    assert bench.ledger[upload].cleared
    assert bench.store.objects == {}
