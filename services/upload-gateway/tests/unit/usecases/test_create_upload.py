import pytest
from gateway_support.bench import PART, Bench

from common.errors import Unavailable
from common.events import UploadDetails, UploadStarted, decode
from common.ids import asset_of_key
from upload_gateway.domain.errors import KindForbidden, OverLimit


async def test_an_upload_begins_with_its_ids_its_key_and_two_records() -> None:
    bench = Bench()
    upload = await bench.created(35, filename="../Сет.flac", filetype="audio/flac", mood="calm")
    assert asset_of_key(upload.key) == upload.asset_id
    assert upload.key.endswith(".flac")
    assert "Сет" not in upload.key
    assert (upload.kind, upload.state, upload.part_size) == ("audio", "created", PART)
    fact, details = [
        decode(m.key.encode(), m.headers(), m.payload).event for m in bench.ledger.tables.messages
    ]
    assert isinstance(fact, UploadStarted)
    assert "Сет" not in fact.model_dump_json()
    assert isinstance(details, UploadDetails)
    assert (details.file_name, details.metadata) == ("Сет.flac", {"mood": "calm"})
    assert bench.ledger.tables.messages[1].key == f"upload-gateway/{upload.asset_id}"


async def test_a_nameless_upload_sends_no_details() -> None:
    bench = Bench()
    upload = await bench.created(35, filetype="audio/flac")
    assert len(bench.ledger.tables.messages) == 1
    assert upload.file_name is None


async def test_an_empty_file_goes_to_verification_at_once() -> None:
    bench = Bench()
    upload = await bench.created(0)
    assert bench.ledger.tables.jobs == [upload.id]
    done = await bench.verified(upload)
    assert (done.state, done.reason) == ("rejected", "empty")


async def test_what_is_refused_leaves_nothing() -> None:
    bench = Bench()
    with pytest.raises(OverLimit):
        await bench.created(1001)
    with pytest.raises(KindForbidden):
        await bench.created(5, role="user")
    bench.ledger.broken = True
    with pytest.raises(Unavailable):
        await bench.created(5)
    assert bench.ledger.tables.uploads == {}
    assert bench.ledger.tables.messages == []
