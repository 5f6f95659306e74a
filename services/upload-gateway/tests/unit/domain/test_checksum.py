import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload_gateway.domain.checksum import Algorithm, BodyChecksum, RunningDigest, crc32c


def test_crc32c_is_the_castagnoli_one() -> None:
    assert crc32c(memoryview(b"123456789")) == 0xE3069283 != zlib.crc32(b"123456789")


@given(st.lists(st.binary(max_size=50)))
def test_a_checksum_does_not_depend_on_how_the_body_came(pieces: list[bytes]) -> None:
    body = b"".join(pieces)
    expected: dict[Algorithm, bytes] = {
        "sha1": hashlib.sha1(body).digest(),
        "sha256": hashlib.sha256(body).digest(),
        "crc32c": crc32c(memoryview(body)).to_bytes(4, "big"),
    }
    for algorithm, digest in expected.items():
        checksum = BodyChecksum(algorithm, digest)
        for piece in pieces:
            checksum.update(memoryview(bytearray(piece)))
        assert checksum.matches
        checksum.update(memoryview(b"more"))
        assert not checksum.matches


@pytest.mark.parametrize("size", [0, 1, 3 * 1024 * 1024 + 5])
def test_large_views_are_read_in_pieces(size: int) -> None:
    body = bytes(size)
    assert crc32c(memoryview(bytearray(body))) == crc32c(memoryview(body))


def test_a_copied_digest_goes_its_own_way() -> None:
    first = RunningDigest()
    first.update(memoryview(b"one"))
    second = first.copy()
    second.update(memoryview(b"two"))
    assert first.hexdigest() == hashlib.sha256(b"one").hexdigest()
    assert (second.hexdigest(), second.offset) == (hashlib.sha256(b"onetwo").hexdigest(), 6)
