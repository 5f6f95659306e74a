import hashlib
from uuid import UUID

import pytest
from gateway_support.bench import Bench
from gateway_support.fakes import KnownSniffer, MemoryTicket

from common.errors import Unavailable
from common.events import UploadCompleted, UploadRejected, decode
from upload_gateway.domain.errors import BytesReplaced, MultipartForgotten, PartsLost
from upload_gateway.domain.upload import Upload

FILE = bytes(range(35))


async def whole(bench: Bench) -> Upload:
    return await bench.sent(await bench.created(35), 0, FILE)


async def test_a_good_file_is_stored_and_told_once() -> None:
    bench = Bench()
    upload = await whole(bench)
    ticket = MemoryTicket(upload.id)
    done = await bench.verify(upload.id, ticket)
    again = await bench.verify(upload.id, MemoryTicket(upload.id))
    assert (done.state, done.size, again) == ("stored", 35, done)
    assert ticket.closed
    message = bench.ledger.tables.messages[-1]
    fact = decode(message.key.encode(), message.headers(), message.payload).event
    assert isinstance(fact, UploadCompleted)
    assert (fact.size, fact.content_type) == (35, "audio/flac")
    assert fact.sha256 == hashlib.sha256(FILE).hexdigest()
    assert bench.ledger.types.count("completed") == 1


async def test_an_unbroken_digest_spares_the_reading() -> None:
    bench = Bench()
    await bench.verified(await whole(bench))
    assert bench.store.reads == 0


async def test_a_lost_answer_to_complete_is_looked_into() -> None:
    bench = Bench()
    upload = await whole(bench)
    bench.store.loses_answers = True
    assert (await bench.verified(upload)).state == "stored"


async def test_an_outage_leaves_it_to_the_next_try() -> None:
    bench = Bench()
    upload = await whole(bench)
    bench.store.down = True
    with pytest.raises(Unavailable):
        await bench.verified(upload)
    assert bench.ledger[upload].state == "verifying"
    bench.store.down = False
    assert (await bench.verified(upload)).state == "stored"


async def test_a_lost_lease_records_nothing() -> None:
    bench = Bench()
    upload = await whole(bench)
    with pytest.raises(Unavailable):
        await bench.verify(upload.id, MemoryTicket(upload.id, lost=True))
    assert bench.ledger[upload].state == "verifying"
    assert "completed" not in bench.ledger.types


async def late_write(bench: Bench, upload: Upload, number: int, body: bytes) -> None:
    """What a writer that lost the fence does when its request was already on its way."""
    await bench.store.put_part(upload.key, upload.multipart_id or "", number, memoryview(body))


async def test_a_part_that_a_late_writer_replaced_costs_no_upload() -> None:
    bench = Bench()
    bench.store.salted = True
    upload = await whole(bench)
    await late_write(bench, upload, 2, FILE[10:20])
    done = await bench.verified(upload)
    assert (done.state, done.sha256) == ("stored", hashlib.sha256(FILE).hexdigest())
    assert bench.store.reads == 1


@pytest.mark.parametrize("salted", [True, False])
async def test_other_bytes_than_acknowledged_are_neither_stored_nor_given_up(salted: bool) -> None:
    bench = Bench()
    bench.store.salted = salted
    upload = await whole(bench)
    await late_write(bench, upload, 2, b"other page")
    for _ in range(2):
        with pytest.raises(PartsLost):
            await bench.verified(upload)
    assert bench.ledger[upload].state == "verifying"
    assert bench.ledger.types == ["started", "upload"]


async def test_a_missing_part_gives_nothing_up() -> None:
    bench = Bench()
    upload = await whole(bench)
    del bench.store.multiparts[upload.multipart_id or ""][1][2]
    with pytest.raises(PartsLost):
        await bench.verified(upload)
    assert bench.ledger[upload].state == "verifying"


async def test_bytes_that_the_store_forgot_are_given_up_only_by_who_has_asked_enough() -> None:
    bench = Bench()
    upload = await whole(bench)
    bench.store.multiparts.clear()
    with pytest.raises(MultipartForgotten):
        await bench.verified(upload)
    assert bench.ledger[upload].state == "verifying"
    ticket = MemoryTicket(upload.asset_id)
    assert (await bench.give_up(upload.id, ticket)).reason == "bytes_lost"
    assert ticket.closed
    assert bench.ledger.types[-1] == "rejected"


async def test_nothing_is_given_up_of_an_upload_that_ended_meanwhile() -> None:
    bench = Bench()
    upload = await whole(bench)
    await bench.end(upload.id, upload.user_id)
    assert (await bench.give_up(upload.id, MemoryTicket(upload.asset_id))).state == "aborted"
    assert bench.ledger.types[-1] == "aborted"


async def test_an_object_of_another_size_is_looked_at_again_before_it_is_given_up() -> None:
    bench = Bench()
    upload = await whole(bench)
    bench.store.multiparts.clear()
    bench.store.objects[upload.key] = FILE + b"padding"
    with pytest.raises(BytesReplaced):
        await bench.verified(upload)
    assert bench.ledger[upload].state == "verifying"
    bench.store.objects[upload.key] = FILE
    assert (await bench.verified(upload)).state == "stored"


async def test_a_replaced_part_is_told_without_a_running_digest() -> None:
    """Two requests brought other bytes for one range, and the late one is not what was promised."""
    bench = Bench()
    bench.store.salted = True
    upload = await bench.sent(await bench.created(35), 0, FILE[:15])
    bench.restart()
    upload = await bench.sent(upload, 15, FILE[15:])
    assert upload.sha256 is None
    await late_write(bench, upload, 2, b"other page")
    with pytest.raises(BytesReplaced, match=r"\[2\]"):
        await bench.verified(upload)


async def test_a_part_that_was_replaced_by_the_same_bytes_is_known_without_a_digest() -> None:
    bench = Bench()
    bench.store.salted = True
    upload = await bench.sent(await bench.created(35), 0, FILE[:15])
    bench.restart()
    upload = await bench.sent(upload, 15, FILE[15:])
    await late_write(bench, upload, 2, FILE[10:20])
    assert (await bench.verified(upload)).sha256 == hashlib.sha256(FILE).hexdigest()


async def test_wrong_content_is_rejected_with_its_keys() -> None:
    bench = Bench(sniffer=KnownSniffer(frozenset()))
    upload = await whole(bench)
    done = await bench.verified(upload)
    assert (done.state, done.reason) == ("rejected", "unrecognized_content")
    message = bench.ledger.tables.messages[-1]
    fact = decode(message.key.encode(), message.headers(), message.payload).event
    assert isinstance(fact, UploadRejected)
    assert fact.keys == (upload.key,)


async def test_an_upload_aborted_meanwhile_leaves_no_object() -> None:
    bench = Bench()
    upload = await whole(bench)
    await bench.end(upload.id, upload.user_id)
    bench.store.objects[upload.key] = FILE
    ticket = MemoryTicket(UUID(int=1))
    assert (await bench.verify(upload.id, ticket)).state == "aborted"
    assert upload.key not in bench.store.objects
    assert ticket.closed
