"""Digests of what arrives: of the whole file, of one part, and of one body that must match."""

import hashlib
from collections.abc import Callable
from typing import Literal, Protocol, Self

import google_crc32c

Algorithm = Literal["sha1", "sha256", "crc32c"]
# bytes of a digest, by algorithm
DIGEST_SIZES: dict[Algorithm, int] = {"sha1": 20, "sha256": 32, "crc32c": 4}
# the library reads no writable memory, so it is given copies of this many bytes
_COPIED = 1024 * 1024


class Hashing(Protocol):
    """What hashlib makes."""

    def update(self, data: memoryview, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> Self: ...


class Crc32c:
    """CRC-32C as hashlib would have it; the digest is in network order."""

    __slots__ = ("value",)

    def __init__(self, value: int = 0) -> None:
        self.value = value

    def update(self, data: memoryview, /) -> None:
        for at in range(0, len(data), _COPIED):
            self.value = google_crc32c.extend(self.value, bytes(data[at : at + _COPIED]))

    def digest(self) -> bytes:
        return self.value.to_bytes(4, "big")

    def hexdigest(self) -> str:
        return self.digest().hex()

    def copy(self) -> "Crc32c":
        return Crc32c(self.value)


_MAKERS: dict[Algorithm, Callable[[], Hashing]] = {
    # sha1 is what the protocol demands; it guards against faults, not against people
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "crc32c": Crc32c,
}


class RunningDigest:
    """sha256 of the first `offset` bytes; CPython cannot save it, so it dies with the process."""

    __slots__ = ("_hash", "offset")

    def __init__(self) -> None:
        self._hash: Hashing = hashlib.sha256()
        self.offset = 0

    def update(self, view: memoryview) -> None:
        """Take the bytes that follow; may run in a thread, one call at a time."""
        self._hash.update(view)
        self.offset += len(view)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def copy(self) -> "RunningDigest":
        """One that goes on from here while this one stays."""
        copied = RunningDigest()
        copied._hash, copied.offset = self._hash.copy(), self.offset
        return copied


class BodyChecksum:
    """What the client says of one body, and what its bytes say."""

    __slots__ = ("_expected", "_hash")

    def __init__(self, algorithm: Algorithm, expected: bytes) -> None:
        self._hash = _MAKERS[algorithm]()
        self._expected = expected

    def update(self, view: memoryview) -> None:
        """Take the bytes that follow; may run in a thread, one call at a time."""
        self._hash.update(view)

    @property
    def matches(self) -> bool:
        return self._hash.digest() == self._expected


def crc32c(view: memoryview) -> int:
    """Tells one part from another that was sent in its place; a tenth of the cost of sha256."""
    checksum = Crc32c()
    checksum.update(view)
    return checksum.value
