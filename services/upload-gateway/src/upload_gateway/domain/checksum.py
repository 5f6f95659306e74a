"""The running digest: it counts only while it is unbroken from byte 0 in one process."""

import hashlib


class RunningDigest:
    """sha256 of the first `offset` bytes; CPython cannot save it, so it dies with the process."""

    __slots__ = ("_hash", "offset")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.offset = 0

    def update(self, view: memoryview) -> None:
        """Take the bytes that follow; may run in a thread, one call at a time."""
        self._hash.update(view)
        self.offset += len(view)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()
