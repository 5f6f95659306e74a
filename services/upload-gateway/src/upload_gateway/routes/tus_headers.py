"""Reads and writes the headers of tus 1.0; pure."""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import get_args
from urllib.parse import urljoin, urlsplit
from uuid import UUID

from common.errors import Invalid, UnsupportedType
from common.ids import UploadId
from upload_gateway.domain.birth import PARTIAL
from upload_gateway.domain.checksum import DIGEST_SIZES, Algorithm, BodyChecksum
from upload_gateway.domain.upload import RUNNING, Upload

VERSION = "1.0.0"
EXTENSIONS = ",".join(
    (
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "expiration",
        "checksum",
        "concatenation",
    )
)
CHECKSUMS: tuple[Algorithm, ...] = get_args(Algorithm)
BODY_TYPE = "application/offset+octet-stream"
MAX_METADATA = 32 * 1024  # bytes of the header; 14 kB is seen in the wild (protocols.md 1.8)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_PARTIALS = 64  # one final upload; public clients use up to ten or so
MAX_NUMBER = 2**63 - 1


def number(headers: Mapping[str, str], name: str) -> int | None:
    """A header that holds a non-negative integer; None when it is missing, else Invalid."""
    text = headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > MAX_NUMBER:
        raise Invalid(f"{name} must be a whole number", code="invalid_header")
    return int(text)


def required(headers: Mapping[str, str], name: str) -> int:
    """As `number`, of a header that must be there."""
    found = number(headers, name)
    if found is None:
        raise Invalid(f"{name} is needed", code="invalid_header")
    return found


def metadata(header: str) -> dict[str, str]:
    """`Upload-Metadata`: keys with base64 values, comma separated; a value may be missing."""
    if len(header) > MAX_METADATA:
        raise Invalid("Upload-Metadata is too long", code="metadata_too_large")
    pairs: dict[str, str] = {}
    for item in filter(None, (item.strip() for item in header.split(","))):
        key, _, value = item.partition(" ")
        if key in pairs or not key.isascii() or not key.isprintable():
            raise Invalid("Upload-Metadata has a bad or doubled key", code="invalid_metadata")
        pairs[key] = _text(value.strip())
    return pairs


def length(headers: Mapping[str, str]) -> int | None:
    """`Upload-Length` of a new upload; None when it is deferred, which must be said."""
    deferred, known = headers.get("upload-defer-length"), number(headers, "upload-length")
    if deferred is None:
        return required(headers, "upload-length")
    if deferred != "1" or known is not None:
        raise Invalid(
            "Upload-Defer-Length is 1 and stands for Upload-Length", code="invalid_header"
        )
    return None


def partials(headers: Mapping[str, str]) -> tuple[UploadId, ...] | None:
    """What `Upload-Concat` names: none for a partial upload; None for one of its own."""
    said = headers.get("upload-concat")
    if said is None:
        return None
    role, _, urls = said.partition(";")
    if said == PARTIAL:
        return ()
    named = tuple(_own_upload(headers, url) for url in urls.split()[: MAX_PARTIALS + 1])
    if role != "final" or not named or len(named) > MAX_PARTIALS:
        raise Invalid(
            f"Upload-Concat is `partial` or `final;` and 1 to {MAX_PARTIALS} addresses",
            code="invalid_concat",
        )
    if "upload-length" in headers or "upload-defer-length" in headers or body_size(headers) != 0:
        raise Invalid("a final upload has no length or body of its own", code="invalid_concat")
    return named


def _own_upload(headers: Mapping[str, str], url: str) -> UploadId:
    """The upload at an address of this server, absolute or relative."""
    host = headers.get("host", "localhost")
    try:
        parts = urlsplit(urljoin(f"http://{host}/files/", url))
    except ValueError as error:
        raise Invalid("Upload-Concat holds what is no address", code="invalid_concat") from error
    folder, _, name = parts.path.rpartition("/")
    ours = (parts.netloc, folder) == (host, "/files") and parts.scheme in {"http", "https"}
    if not ours or not _UUID.fullmatch(name):
        raise Invalid("Upload-Concat names no upload of this server", code="invalid_concat")
    return UploadId(UUID(name))


def checksum(headers: Mapping[str, str]) -> BodyChecksum | None:
    """`Upload-Checksum` of one body: an algorithm and its digest in base64."""
    said = headers.get("upload-checksum")
    if said is None:
        return None
    name, _, text = said.strip().partition(" ")
    algorithm = next((known for known in CHECKSUMS if known == name), None)
    if algorithm is None:
        raise Invalid(f"algorithms are {', '.join(CHECKSUMS)}", code="unknown_checksum_algorithm")
    try:
        digest = b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("the digest is not base64", code="invalid_checksum") from error
    if len(digest) != DIGEST_SIZES[algorithm]:
        raise Invalid(
            f"a digest of {algorithm} has {DIGEST_SIZES[algorithm]} bytes", code="invalid_checksum"
        )
    return BodyChecksum(algorithm, digest)


def body_size(headers: Mapping[str, str]) -> int | None:
    """Bytes of the body; None when it comes in chunks."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return None
    return number(headers, "content-length") or 0


def require_body_type(headers: Mapping[str, str]) -> None:
    """Refuse anything but the one content type of upload bodies."""
    if headers.get("content-type", "").split(";", 1)[0].strip().lower() != BODY_TYPE:
        raise UnsupportedType(f"Content-Type must be {BODY_TYPE}", code="wrong_content_type")


def location(headers: Mapping[str, str], scheme: str, upload: Upload) -> str:
    """The absolute address of an upload."""
    return f"{origin(headers, scheme)}/files/{upload.id}"


def origin(headers: Mapping[str, str], scheme: str) -> str:
    """This server as the client itself calls it."""
    forwarded = headers.get("x-forwarded-proto", "").split(",", 1)[0].strip().lower()
    shown = forwarded if forwarded in {"http", "https"} else scheme
    return f"{shown}://{headers.get('host', 'localhost')}"


def progress(upload: Upload) -> dict[str, str]:
    """What POST, PATCH and HEAD all say; nothing of a final upload before it is built."""
    said = {} if upload.final and not upload.whole else {"Upload-Offset": str(upload.offset)}
    if upload.state in RUNNING:
        said["Upload-Expires"] = expires(upload.expires_at)
    return said


def description(upload: Upload) -> dict[str, str]:
    """What HEAD says."""
    known = (
        {"Upload-Defer-Length": "1"}
        if upload.length is None
        else {"Upload-Length": str(upload.length)}
    )
    said = progress(upload) | known | {"Cache-Control": "no-store"}
    said |= {"Upload-Concat": upload.concat} if upload.concat else {}
    return said | ({"Upload-Metadata": upload.metadata} if upload.metadata else {})


def expires(when: datetime) -> str:
    """An HTTP date (RFC 9110 5.6.7)."""
    return format_datetime(when, usegmt=True)


def _text(value: str) -> str:
    try:
        text = b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise Invalid(
            "Upload-Metadata values are base64 of UTF-8", code="invalid_metadata"
        ) from error
    if "\0" in text:
        raise Invalid("Upload-Metadata holds a NUL", code="invalid_metadata")
    return text
