"""How an upload begins: its ids, its key, its limit."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from common.errors import Invalid
from common.ids import (
    ObjectKey,
    UploadId,
    UserId,
    new_asset_id,
    new_upload_id,
    original_key,
    staging_key,
)
from upload_gateway.domain.acceptance import Claim, accepted, likely_format, vouched
from upload_gateway.domain.facts import NAMES, TYPES
from upload_gateway.domain.file_names import presentable
from upload_gateway.domain.formats import NAMINGS, extension_of
from upload_gateway.domain.kinds import Role
from upload_gateway.domain.limits import Sizes
from upload_gateway.domain.upload import Mode, Upload, expiry_after

_SHA256 = re.compile(r"[0-9a-f]{64}")
PARTIAL: Literal["partial"] = "partial"


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What a client asks for. `header` is its metadata as sent, `metadata` the same decoded.

    `length` is None when the client will say it with a later request. `paced` is False for a
    further file of a request that was counted with its first one. `concat` is `Upload-Concat` as
    sent, empty for an upload of its own; `partials` are the uploads that a final one consists of.
    `mode` is the way the bytes will come; `signed_until` when the URL ends that is handed out with
    the answer; `parent` goes into the receipt.
    """

    user_id: UserId
    role: Role
    length: int | None
    header: str
    metadata: dict[str, str]
    paced: bool = True
    concat: str = ""
    partials: tuple[UploadId, ...] = ()
    mode: Mode = "tus"
    parent: str | None = None
    signed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What the gateway is set to; `expiry` is seconds without progress.

    `accept_any` takes files of every type, as a store for everything does.
    """

    sizes: Sizes
    part_size: int
    expiry: int
    accept_any: bool = False


def born(new: NewUpload, terms: Terms, now: datetime) -> Upload:
    """The new upload; raises Invalid, TypeNotAllowed, KindForbidden or OverLimit.

    A partial's bytes are staged: they belong to its final upload, which alone becomes an asset.
    """
    name = presentable(_first(new.metadata, NAMES))
    declared = vouched(_first(new.metadata, TYPES), accept_any=terms.accept_any)
    claim = Claim(new.metadata.get("kind"), declared, extension_of(name), new.length)
    taken = accepted(claim, new.role, terms.sizes, accept_any=terms.accept_any)
    likely = likely_format(taken.kind, declared, extension_of(name))
    asset_id, upload_id = new_asset_id(), new_upload_id()
    partial = new.concat == PARTIAL
    key: ObjectKey = (
        staging_key(upload_id, 0)
        if partial
        else original_key(asset_id, NAMINGS[likely].extension if likely else "bin")
    )
    upload = Upload(
        id=upload_id,
        asset_id=asset_id,
        user_id=new.user_id,
        kind=taken.kind,
        key=key,
        length=new.length,
        max_length=taken.limit,
        part_size=terms.part_size,
        created_at=now,
        expires_at=expiry_after(now, terms.expiry),
        file_name=None if partial else name,
        declared_type=declared,
        metadata=new.header,
        concat=new.concat,
        partials=new.partials,
        declared_sha256=_declared_digest(new.metadata),
        mode=new.mode,
        parent=new.parent,
        signed_urls=0 if new.signed_until is None else 1,
        signed_until=new.signed_until,
        sequence=1,
        details_sequence=1 if name is not None and not partial else 0,
    )
    # nothing more will come for an empty file, so nobody else would move it on; what a final
    # upload consists of is there already
    return upload.verifying(None) if upload.whole or upload.final else upload


def _declared_digest(metadata: dict[str, str]) -> str | None:
    text = metadata.get("sha256")
    if text is not None and not _SHA256.fullmatch(text.lower()):
        raise Invalid("sha256 is 64 hex digits", code="invalid_metadata")
    return text.lower() if text else None


def _first(metadata: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((metadata[name] for name in names if metadata.get(name)), None)
