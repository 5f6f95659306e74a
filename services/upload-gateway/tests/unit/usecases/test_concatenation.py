import hashlib
from dataclasses import replace

import pytest
from gateway_support.bench import EXPIRY, OWNER, STRANGER, Bench
from gateway_support.fakes import MemoryStore, MemoryTicket
from typing_extensions import override

from common.errors import Unavailable
from common.ids import ObjectKey, UploadId, new_upload_id
from upload_gateway.domain.birth import NewUpload
from upload_gateway.domain.errors import (
    BytesReplaced,
    FileMismatch,
    FinalUpload,
    MultipartForgotten,
    OverLimit,
    PartialUnfinished,
    PartialUnfit,
    UploadBusy,
    UploadGone,
)
from upload_gateway.domain.upload import Upload

FILE = bytes(range(47))
META = {"filename": "set.flac", "filetype": "audio/flac"}


async def partial(bench: Bench, body: bytes, length: int | None = None) -> Upload:
    length = len(body) if length is None else length
    upload = await bench.create(NewUpload(OWNER, "admin", length, "", {}, concat="partial"))
    return await bench.sent(upload, 0, body) if body else upload


def final(*partials: Upload | UploadId, owner: object = OWNER) -> NewUpload:
    ids = tuple(p.id if isinstance(p, Upload) else p for p in partials)
    new = NewUpload(OWNER, "admin", None, "", META, concat="final;" + str(ids), partials=ids)
    return new if owner == OWNER else replace(new, user_id=STRANGER)


async def pieces(bench: Bench) -> list[Upload]:
    return [
        await partial(bench, FILE[:13]),
        await partial(bench, b""),
        await partial(bench, FILE[13:40]),
        await partial(bench, FILE[40:]),
    ]


async def test_a_final_upload_is_its_partials_in_order_and_only_it_is_told() -> None:
    bench = Bench()
    made = await pieces(bench)
    assert bench.ledger.types == []
    assert bench.ledger.tables.jobs == []
    begun = await bench.concatenate(final(*made))
    assert (begun.length, begun.offset, begun.state) == (47, 0, "verifying")
    done = await bench.verified(begun)
    assert (done.state, done.offset, done.size) == ("stored", 47, 47)
    assert done.sha256 == hashlib.sha256(FILE).hexdigest()
    assert bench.store.objects[done.key] == FILE
    assert bench.ledger.types == ["started", "upload", "completed"]
    assert {message.key for message in bench.ledger.tables.messages} == {
        str(done.asset_id),
        f"upload-gateway/{done.asset_id}",
    }
    bench.clock.advance(10)
    await bench.expire()
    assert set(bench.store.objects) == {done.key}
    assert bench.store.multiparts == {}
    with pytest.raises(UploadGone):
        await bench.find(made[0].id)


async def test_pieces_lie_where_only_the_gateway_looks() -> None:
    bench = Bench()
    made = await partial(bench, FILE)
    assert made.key.startswith(f"staging/{made.id}/")
    assert (await bench.list(OWNER, None, 10)).uploads == []


async def test_the_same_final_upload_asked_for_twice_is_one() -> None:
    bench = Bench()
    made = await pieces(bench)
    first = await bench.concatenate(final(*made))
    assert (await bench.concatenate(final(*made))).id == first.id
    with pytest.raises(PartialUnfit):
        await bench.concatenate(final(*made[:2]))
    done = await bench.verified(first)
    assert (await bench.concatenate(final(*made))) == done


async def test_what_cannot_be_joined_is_refused_and_nothing_is_left() -> None:
    bench = Bench()
    made, other = await partial(bench, FILE[:13]), await bench.created(5)
    short = await partial(bench, FILE[:3], length=5)
    uploads = len(bench.ledger.tables.uploads)
    for bad in (final(made, made), final(made, new_upload_id()), final(made, other)):
        with pytest.raises(PartialUnfit):
            await bench.concatenate(bad)
    with pytest.raises(PartialUnfit):
        await bench.concatenate(final(made, owner=STRANGER))
    with pytest.raises(PartialUnfinished):
        await bench.concatenate(final(made, short))
    await bench.end(short.id, OWNER)
    with pytest.raises(UploadGone):
        await bench.concatenate(final(made, short))
    assert len(bench.ledger.tables.uploads) == uploads
    assert bench.ledger[made].final_id is None


async def test_the_whole_may_not_be_larger_than_a_file() -> None:
    bench = Bench()
    made = [await partial(bench, b"x" * 600), await partial(bench, b"x" * 600)]
    with pytest.raises(OverLimit):
        await bench.concatenate(final(*made))


async def test_no_client_writes_to_a_final_upload() -> None:
    bench = Bench()
    begun = await bench.concatenate(final(*await pieces(bench)))
    with pytest.raises(FinalUpload):
        await bench.sent(begun, 0, b"x")


async def test_an_outage_while_building_leaves_it_to_the_next_try() -> None:
    bench = Bench()
    begun = await bench.concatenate(final(*await pieces(bench)))
    bench.store.loses_answers = True
    with pytest.raises(Unavailable):
        await bench.verified(begun)
    bench.store.loses_answers = False
    done = await bench.verified(begun)
    assert (done.state, bench.store.objects[done.key]) == ("stored", FILE)


async def test_partials_that_nobody_joins_expire_and_are_cleared_silently() -> None:
    bench = Bench()
    made = [await partial(bench, FILE[:13]), await partial(bench, FILE[:3], length=5)]
    bench.clock.advance(EXPIRY + 1)
    assert await bench.expire() == 2
    assert {bench.ledger[upload].state for upload in made} == {"expired"}
    assert (bench.store.objects, bench.store.multiparts) == ({}, {})
    assert bench.ledger.types == []


async def test_partials_stay_until_their_final_upload_is_built() -> None:
    """However long an outage lasts, or an operator needs: the client was told that all is there."""
    bench = Bench()
    begun = await bench.concatenate(final(*await pieces(bench)))
    bench.clock.advance(EXPIRY + 1)
    assert await bench.expire() == 0
    done = await bench.verified(begun)
    assert (done.state, bench.store.objects[done.key]) == ("stored", FILE)


@pytest.mark.parametrize("by", ["client", "worker"])
async def test_partials_end_with_a_final_upload_that_never_comes_to_be(by: str) -> None:
    """Nobody can join them again, and no limit counts them any more."""
    bench = Bench()
    made = await pieces(bench)
    begun = await bench.concatenate(final(*made))
    if by == "client":
        await bench.end(begun.id, OWNER)
    else:
        await bench.give_up(begun.id, MemoryTicket(begun.asset_id))
    assert {bench.ledger[upload].state for upload in made} == {"withdrawn"}
    bench.clock.advance(2)
    await bench.expire()
    assert (bench.store.objects, bench.store.multiparts) == ({}, {})
    assert bench.ledger.types.count("withdrawn") == 0


async def test_a_worker_that_begins_to_build_what_another_one_built_leaves_nothing() -> None:
    class Slow(MemoryStore):
        others = 0

        @override
        async def open(self, key: ObjectKey, content_type: str) -> str:
            if not (self.others or key.startswith("staging/")):
                self.others = 1
                await bench.verified(begun)
                bench.clock.advance(2)
                await bench.expire()
                await bench.clear(begun.id)
                assert bench.ledger[begun].cleared
            return await super().open(key, content_type)

    bench = Bench(store=Slow())
    parts = await pieces(bench)
    begun = await bench.concatenate(final(*parts))
    with pytest.raises(MultipartForgotten):
        await bench.verify(begun.id, MemoryTicket(begun.asset_id, lost=True))
    await bench.expire()
    assert bench.ledger.types.count("completed") == 1
    assert bench.store.multiparts == {}
    assert bench.store.objects == {begun.key: FILE}


async def test_a_partial_is_not_taken_from_under_the_final_upload_that_is_being_built() -> None:
    bench = Bench()
    made = await pieces(bench)
    begun = await bench.concatenate(final(*made))
    with pytest.raises(UploadBusy):
        await bench.end(made[0].id, OWNER)
    assert (await bench.verified(begun)).state == "stored"
    with pytest.raises(UploadGone):
        await bench.end(made[0].id, OWNER)


async def test_a_final_upload_is_not_made_of_other_bytes_than_were_acknowledged() -> None:
    bench = Bench()
    bench.store.salted = True
    made = await pieces(bench)
    begun = await bench.concatenate(final(*made))
    late = made[2].multipart_id or ""
    await bench.store.put_part(made[2].key, late, 2, memoryview(b"other page"))
    for _ in range(2):
        with pytest.raises(BytesReplaced):
            await bench.verified(begun)
    assert bench.ledger[begun].state == "verifying"


async def test_a_partial_that_was_rejected_is_no_piece_of_anything() -> None:
    bench = Bench()
    wrong = {"sha256": hashlib.sha256(b"else").hexdigest()}
    upload = await bench.create(NewUpload(OWNER, "admin", 13, "", wrong, concat="partial"))
    with pytest.raises(FileMismatch):
        await bench.sent(upload, 0, FILE[:13])
    with pytest.raises(PartialUnfit):
        await bench.concatenate(final(upload))


async def test_a_build_that_began_before_its_upload_ended_leaves_no_multipart() -> None:
    bench = Bench()
    begun = await bench.concatenate(final(*await pieces(bench)))
    await bench.end(begun.id, OWNER)
    assert bench.ledger[begun].cleared
    await bench.store.open(begun.key, "audio/flac")  # by a worker that was killed thereafter
    assert (await bench.verified(begun)).state == "aborted"
    assert begun.key not in {key for key, _ in bench.store.multiparts.values()}
