"""Uploads past the gateway: which way one takes, how many URLs it gets, what its end must show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from common.errors import Invalid, RepriseError
from common.ids import UserId
from upload_gateway.domain.acceptance import Reason
from upload_gateway.domain.errors import ContentRefused, UploadNotFound
from upload_gateway.domain.kinds import Role, require_role
from upload_gateway.domain.presigning_errors import (
    AlreadyCommitted,
    CommitMismatch,
    DigestNeeded,
    FileRefused,
    KeyMismatch,
    NotPresigned,
    ObjectDiffers,
    ObjectMissing,
    PartsMissing,
    UseTus,
)
from upload_gateway.domain.upload import RUNNING, Part, Stored, Upload
from upload_gateway.domain.ways_in import Presigned

Way = Literal["put", "multipart"]

MIB = 1024 * 1024
# of one request, in every S3
MAX_PUT = 5 * 1024 * MIB
# a broken line costs a whole PUT: larger files go in parts where the client does not choose
EASY_PUT = 100 * MIB
# one call signs so many at most: URLs that wait in a queue end before they are used
URLS_PER_CALL = 32

_TYPE_REASONS: frozenset[Reason] = frozenset(
    {"unrecognized_content", "content_not_allowed", "extension_mismatch", "type_mismatch"}
)


@dataclass(frozen=True, slots=True)
class PartAsked:
    """A part that a URL is wanted for; `sha256` in hex digits, None where no digest is signed."""

    number: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What the store takes from whoever sends it; `headers` exactly as they are here."""

    method: str
    url: str
    headers: dict[str, str]
    size: int
    number: int = 1


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose rights are checked, anew with each request."""

    user_id: UserId
    role: Role


@dataclass(frozen=True, slots=True)
class Told:
    """What a client repeats of its upload; None is what it does not say."""

    size: int | None = None
    sha256: str | None = None
    content_type: str | None = None
    parent: str | None = None


def chosen_way(ways: Presigned, asked: Way | None, size: int, sha256: str | None) -> Way:
    """The way for a file; raises UseTus where the store was not found fit, or DigestNeeded."""
    puts = ways.put and size <= MAX_PUT
    if asked is None:
        easy = puts and sha256 is not None and (size <= EASY_PUT or not ways.parts)
        asked = "multipart" if ways.parts and not easy else "put"
    if not (ways.parts if asked == "multipart" else puts):
        raise UseTus("this store does not take such an upload by signed URLs")
    if asked == "put" and sha256 is None:
        raise DigestNeeded("one signed request needs the sha256 of the file")
    return asked


def require_digests(ways: Presigned, parts: Sequence[PartAsked]) -> None:
    """Raises UseTus where the store takes no parts, DigestNeeded where it takes none without."""
    if not ways.parts:
        raise UseTus("this store does not take parts by signed URLs")
    if not ways.plain_parts and any(part.sha256 is None for part in parts):
        raise DigestNeeded("each part needs its sha256 on this store")


def require_parts(upload: Upload, parts: Sequence[PartAsked]) -> None:
    """Raises Invalid for parts that the upload does not have, or that are named twice."""
    count = 1 if upload.mode == "put" else upload.plan.count
    numbers = [part.number for part in parts]
    if len(set(numbers)) != len(numbers) or not all(1 <= n <= count for n in numbers):
        raise Invalid(f"parts are numbered 1 to {count}", code="invalid_part", count=count)


def allowed_urls(upload: Upload) -> int:
    """How many URLs one upload gets: each part may be tried some times."""
    return 4 * upload.plan.count + 4 * URLS_PER_CALL


def own(upload: Upload, asker: Asker, key: str | None) -> Upload:
    """Itself; raises UploadNotFound, KindForbidden, NotPresigned, KeyMismatch or UploadGone.

    Nothing of a key that a client gives is interpreted: it is ours letter by letter, or refused.
    """
    if upload.user_id != asker.user_id:
        raise UploadNotFound
    require_role(asker.role, upload.kind)
    if not upload.presigned:
        raise NotPresigned("the bytes of this upload come through its own address")
    if key is not None and key != upload.key:
        raise KeyMismatch
    return upload.remembered()


def open_to(upload: Upload, asker: Asker, key: str | None) -> Upload:
    """As `own`, while bytes are taken; raises AlreadyCommitted afterwards."""
    if own(upload, asker, key).state not in RUNNING:
        raise AlreadyCommitted("this upload takes no more bytes")
    return upload


def agreed(upload: Upload, told: Told) -> Upload:
    """Itself, with a digest that may be said now for the first time; raises CommitMismatch."""
    if upload.declared_sha256 is None and upload.state in RUNNING:
        upload = replace(upload, declared_sha256=told.sha256)
    said = {
        "size": (told.size, upload.length),
        "content_type": (told.content_type, upload.declared_type),
        "parent": (told.parent, upload.parent),
        "sha256": (told.sha256, upload.declared_sha256),
    }
    for field, (now, before) in said.items():
        if now is not None and now != before:
            raise CommitMismatch(field)
    return upload


def arrived(upload: Upload) -> Upload:
    """All bytes are in the store, and nobody has read them yet."""
    return replace(upload, offset=upload.length or 0).verifying(None)


def require_object(upload: Upload, found: Stored | None) -> Stored:
    """What the store has; raises ObjectMissing or ObjectDiffers, and the upload stays open."""
    if found is None:
        raise ObjectMissing
    if found.size != upload.length:
        raise ObjectDiffers("size", upload.length or 0, found.size)
    if found.content_type != upload.likely_type:
        raise ObjectDiffers("type", upload.likely_type, found.content_type)
    return found


def whole_parts(upload: Upload, held: Sequence[Part]) -> list[Part]:
    """All parts of the upload as the store has them; raises PartsMissing.

    The store's list is taken for what was sent only in this one case, and only as far as it is what
    the client declared: every part, each in its full size (design §2).
    """
    plan = upload.plan
    sizes = {part.number: part.size for part in held}
    wanted = range(1, plan.count + 1)
    missing = [number for number in wanted if sizes.get(number) != plan.size_of(number)]
    if missing:
        raise PartsMissing(missing)
    return [part for part in held if part.number in wanted]


def refusal_of(upload: Upload) -> RepriseError | None:
    """The error that tells a rejection, the same each time it is asked for."""
    if upload.state != "rejected":
        return None
    reason = upload.reason or "rejected"
    if reason in _TYPE_REASONS:
        return ContentRefused(f"the file is not taken as {upload.kind}", code=reason)
    return FileRefused("the bytes are not the file that was declared", code=reason)
