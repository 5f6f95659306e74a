import hashlib
from uuid import UUID

import pytest
from gateway_support.bench import Bench
from gateway_support.fakes import KnownSniffer, MemoryTicket

from common.errors import Unavailable
from common.events import UploadCompleted, UploadRejected, decode
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


async def test_bytes_that_the_store_lost_are_rejected() -> None:
    bench = Bench()
    upload = await whole(bench)
    bench.store.multiparts.clear()
    assert (await bench.verified(upload)).reason == "bytes_lost"


async def test_an_object_of_another_size_is_rejected() -> None:
    bench = Bench()
    upload = await whole(bench)
    bench.store.multiparts.clear()
    bench.store.objects[upload.key] = FILE + b"padding"
    assert (await bench.verified(upload)).reason == "size_mismatch"


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
