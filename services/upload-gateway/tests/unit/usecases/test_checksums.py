import hashlib

import pytest
from gateway_support.bench import OWNER, Bench
from gateway_support.fakes import ListedBody
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import Invalid, Unavailable
from upload_gateway.domain.checksum import BodyChecksum
from upload_gateway.domain.errors import ChecksumMismatch, FileMismatch, PastLength, Superseded
from upload_gateway.usecases.append_bytes import Append

FILE = bytes(range(35))
DIGEST = hashlib.sha256(FILE).hexdigest()


def sha1(body: bytes) -> BodyChecksum:
    return BodyChecksum("sha1", hashlib.sha1(body).digest())


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.booleans()), max_size=12))
@settings(deadline=None)
async def test_only_bodies_that_match_count_and_the_file_is_whole(
    steps: list[tuple[int, bool, bool]],
) -> None:
    bench = Bench()
    upload = await bench.created(len(FILE))
    for size, checked, good in [*steps, (len(FILE), True, True)]:
        at = upload.offset
        body = FILE[at : at + size]
        if not body:
            break
        if checked and not good:
            with pytest.raises(ChecksumMismatch):
                await bench.sent(upload, at, b"?" * len(body), checksum=sha1(body))
            assert bench.ledger[upload].offset == at
        else:
            checksum = sha1(body) if checked else None
            upload = await bench.sent(upload, at, body, checksum=checksum)
            assert upload.offset == at + len(body)
    # what was refused did not spoil the running digest
    assert upload.sha256 == DIGEST
    found = await bench.verified(upload)
    assert (found.state, bench.store.objects[upload.key]) == ("stored", FILE)
    assert await bench.ledger.segments(upload.id) == []


async def test_nothing_of_a_body_over_several_parts_counts_before_its_end() -> None:
    bench = Bench()
    upload = await bench.created(35)
    with pytest.raises(ChecksumMismatch):
        await bench.sent(upload, 0, FILE[:30] + b"wrong", checksum=sha1(FILE))
    assert bench.ledger[upload].offset == 0
    assert await bench.ledger.parts(upload.id) == []


async def test_a_body_that_was_cut_counts_for_nothing_under_a_checksum() -> None:
    bench = Bench()
    upload = await bench.created(35)
    with pytest.raises(Superseded):
        await bench.sent(upload, 0, FILE[:27], "asked", checksum=sha1(FILE))
    assert (bench.ledger[upload].offset, bench.ledger[upload].state) == (0, "receiving")
    assert not any(key.startswith("staging/") for key in bench.store.objects)


async def test_a_store_that_fails_under_a_checksum_leaves_the_offset() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, FILE[:13])
    bench.store.down = True
    with pytest.raises(Unavailable):
        await bench.sent(upload, 13, FILE[13:], checksum=sha1(FILE[13:]))
    bench.store.down = False
    assert bench.ledger[upload].offset == 13
    done = await bench.sent(upload, 13, FILE[13:], checksum=sha1(FILE[13:]))
    assert done.sha256 == DIGEST


async def test_a_body_past_the_length_counts_for_nothing_under_a_checksum() -> None:
    bench = Bench()
    upload = await bench.created(5)
    with pytest.raises(PastLength):
        await bench.sent(upload, 0, b"12345", b"6", checksum=sha1(b"123456"))
    assert bench.ledger[upload].offset == 0


async def test_an_empty_body_has_a_checksum_too() -> None:
    bench = Bench()
    upload = await bench.created(5)
    with pytest.raises(ChecksumMismatch):
        await bench.append(
            Append(upload.id, OWNER, 0, 0, None, sha1(b"x"), role="admin"), ListedBody()
        )
    await bench.append(Append(upload.id, OWNER, 0, 0, None, sha1(b""), role="admin"), ListedBody())


async def test_parts_of_a_refused_body_do_not_disturb_the_completion() -> None:
    """The store may hold more parts than the file has when its length came out smaller."""
    bench = Bench()
    bench.store.salted = True
    upload = await bench.sent(await bench.created(None), 0, FILE[:10])
    with pytest.raises(ChecksumMismatch):
        await bench.sent(upload, 10, FILE[10:30] + b"bad", checksum=sha1(FILE[10:]))
    done = await bench.sent(upload, 10, FILE[10:20], length=20)
    # a late write of the same bytes: the names the store has are others than the ledger's
    await bench.store.put_part(done.key, done.multipart_id or "", 1, memoryview(FILE[:10]))
    found = await bench.verified(done)
    assert (found.state, bench.store.objects[done.key]) == ("stored", FILE[:20])


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_file_that_is_not_the_declared_one_is_rejected(restarts: bool) -> None:
    bench = Bench()
    wrong = hashlib.sha256(b"else").hexdigest()
    upload = await bench.created(35, filename="a.flac", sha256=wrong)
    upload = await bench.sent(upload, 0, FILE[:13])
    if restarts:
        bench.restart()
        upload = await bench.sent(upload, 13, FILE[13:])
        assert upload.state == "verifying"
        assert (await bench.verified(upload)).reason == "checksum_mismatch"
    else:
        with pytest.raises(FileMismatch):
            await bench.sent(upload, 13, FILE[13:])
        assert upload.key not in bench.store.objects
    assert bench.ledger[upload].reason == "checksum_mismatch"
    assert bench.ledger.types[-1] == "rejected"
    bench.clock.advance(10)
    await bench.expire()
    assert bench.store.multiparts == {}


async def test_a_declared_digest_that_is_right_changes_nothing() -> None:
    bench = Bench()
    upload = await bench.created(35, filename="a.flac", sha256=DIGEST.upper())
    done = await bench.verified(await bench.sent(upload, 0, FILE))
    assert (done.state, done.sha256) == ("stored", DIGEST)
    with pytest.raises(Invalid):
        await bench.created(35, filename="a.flac", sha256="nonsense")
