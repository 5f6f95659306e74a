"""The values that go in and out of an object store."""

from dataclasses import dataclass
from datetime import datetime

MIB = 1024 * 1024
CHUNK = 65_536  # bytes; smaller reads cost more in calls than they save

Body = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class StoredPut:
    """What was written: ETag without quotes, bytes, sha256 of what was sent (hex)."""

    etag: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """What the store knows of an object; the ETag without quotes."""

    size: int
    etag: str
    content_type: str


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One line of a listing."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A part of an open multipart, as the store has it now; the ETag without quotes."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class OpenMultipart:
    """A multipart that somebody began and nobody ended."""

    key: str
    upload_id: str
    initiated: datetime


def unquoted(etag: str) -> str:
    """An ETag as we keep it."""
    return etag.strip('"')


def range_header(start: int | None, end: int | None) -> str:
    """`bytes=` of a half-open range; an open end reads on to the last byte."""
    last = "" if end is None else str(end - 1)
    return f"bytes={start or 0}-{last}"
