"""Request bodies without a copy of the part they come from."""

import io
from collections.abc import Callable
from typing import SupportsIndex, cast

from typing_extensions import override

from common.s3.model import Body


class BufferView(io.BytesIO):
    """A buffer as the file object that botocore hashes and aiohttp sends piece by piece.

    It is a BytesIO only by type, which is how aiohttp knows that reading it needs no thread; the
    bytes stay where they are. The owner of the buffer must not change it before the request ended;
    after one that was given up, what still leaves is refused by the store: payloads are signed.
    `taken` is called for each piece: whoever waits for the answer sees that the body still leaves.
    `sha256` is the digest of all of it, if it is known, see `common.s3.signing`.
    """

    def __init__(
        self, body: Body, taken: Callable[[], None] = lambda: None, sha256: str | None = None
    ) -> None:
        super().__init__()
        self.sha256 = sha256
        self._view = memoryview(body)
        self._at = 0
        self._taken = taken

    @override
    def read(self, size: int | None = -1, /) -> bytes:
        end = len(self._view) if size is None or size < 0 else self._at + size
        piece = self._view[self._at : end]
        self._at += len(piece)
        self._taken()
        # whoever reads hashes it or writes it to a socket: both take a view as they take bytes
        return cast("bytes", piece)

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._view)}[whence]
        self._at = max(0, base + offset)
        return self._at

    @override
    def tell(self) -> int:
        return self._at

    @override
    def getbuffer(self) -> memoryview:
        return self._view[:]

    @override
    def getvalue(self) -> bytes:
        return bytes(self._view)

    @override
    def readline(self, size: int | None = -1, /) -> bytes:
        raise io.UnsupportedOperation("a body has no lines")

    @override
    def __iter__(self) -> "BufferView":
        return self

    @override
    def __next__(self) -> bytes:
        piece = self.read(65_536)
        if not piece:
            raise StopIteration
        return piece

    def __len__(self) -> int:
        return len(self._view)

    @override
    def truncate(self, size: SupportsIndex | None = None, /) -> int:
        raise io.UnsupportedOperation("a body is not written to")


def body_of(body: Body, taken: Callable[[], None], sha256: str | None = None) -> io.BytesIO:
    """A reader over the bytes, which notes each piece that is read."""
    return BufferView(body, taken, sha256)
