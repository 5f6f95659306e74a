"""Where the bytes are: files in a folder that nobody changes, and an index of them in memory."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from common.clock import SystemClock
from devstack.faults.s3.errors import Refused, no_such_key, no_such_upload

MIN_PART = 5 * 1024 * 1024  # bytes of every part but the last
CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Held:
    """One object or part, whose bytes are those of `files` in their order. The ETag has no quotes.

    An object that was made of parts, or copied, has their files: they are there once, and to make
    it takes no time in which other requests would wait.
    """

    files: tuple[Path, ...]
    size: int
    etag: str
    headers: dict[str, str] = field(default_factory=dict)
    made_at: datetime = field(default_factory=SystemClock().now)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        for path in self.files:
            size = path.stat().st_size
            if start < min(size, end):
                yield from _piece(path, start, min(size, end))
            start, end = max(0, start - size), end - size


def _piece(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(min(CHUNK, end - start)):
            start += len(chunk)
            yield chunk


@dataclass(slots=True)
class Multipart:
    """An upload in parts that nobody has completed or aborted."""

    id: str
    key: str
    headers: dict[str, str]
    parts: dict[int, Held] = field(default_factory=dict)
    begun_at: datetime = field(default_factory=SystemClock().now)


class Shelf:
    """One bucket. A key's object is replaced as a whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.objects: dict[str, Held] = {}
        self.multiparts: dict[str, Multipart] = {}
        self._completed: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def new_file(self) -> Path:
        """A place for bytes that are not yet anybody's."""
        return self._folder / token_hex(16)

    def find(self, key: str) -> Held:
        if key not in self.objects:
            raise no_such_key()
        return self.objects[key]

    def put(self, key: str, held: Held) -> Held:
        self.objects[key] = held
        return held

    def delete(self, key: str) -> None:
        """Deleting what is not there is success."""
        self.objects.pop(key, None)

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        """Keys in byte order."""
        return (key for key in sorted(self.objects) if key.startswith(prefix) and key > after)

    def begin(self, key: str, headers: dict[str, str]) -> Multipart:
        multipart = Multipart(token_hex(16), key, headers)
        self.multiparts[multipart.id] = multipart
        return multipart

    def multipart(self, upload_id: str, key: str) -> Multipart:
        found = self.multiparts.get(upload_id)
        if found is None or found.key != key:
            raise no_such_upload()
        return found

    def abort(self, upload_id: str, key: str) -> None:
        del self.multiparts[self.multipart(upload_id, key).id]

    def complete(self, upload_id: str, key: str, named: Sequence[tuple[int, str]]) -> Held:
        """Joins the named parts; repeated, it answers as the first time, as most stores do."""
        if self._completed.get(upload_id) == key and key in self.objects:
            return self.objects[key]
        multipart = self.multipart(upload_id, key)
        parts = _chosen(multipart, named)
        digest = hashlib.md5(usedforsecurity=False)
        for part in parts:
            digest.update(bytes.fromhex(part.etag))
        files = tuple(path for part in parts for path in part.files)
        size = sum(part.size for part in parts)
        held = Held(files, size, f"{digest.hexdigest()}-{len(parts)}", multipart.headers)
        del self.multiparts[upload_id]
        self._completed[upload_id] = key
        return self.put(key, held)


def _chosen(multipart: Multipart, named: Sequence[tuple[int, str]]) -> list[Held]:
    numbers = [number for number, _ in named]
    if not named or numbers != sorted(set(numbers)):
        raise Refused(400, "InvalidPartOrder")
    if any(n not in multipart.parts or multipart.parts[n].etag != etag for n, etag in named):
        raise Refused(400, "InvalidPart", "One or more of the specified parts could not be found.")
    parts = [multipart.parts[number] for number in numbers]
    if any(part.size < MIN_PART for part in parts[:-1]):
        raise Refused(400, "EntityTooSmall")
    return parts
