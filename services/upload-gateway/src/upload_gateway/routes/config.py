"""What a client should know before it sends anything."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from common.events import MediaKind
from common.web.callers import Caller, Callers, require
from upload_gateway.domain.formats import NAMINGS
from upload_gateway.domain.limits import ADVISED_BODY, advised_chunk
from upload_gateway.domain.presigning import MAX_PUT, URLS_PER_CALL
from upload_gateway.routes import form, tus_headers
from upload_gateway.routes.refusals import refusals
from upload_gateway.usecases.describe_config import DescribeConfig, OfferedKind, UploadOffer


class KindConfig(BaseModel):
    """A kind of upload that the caller may send."""

    kind: MediaKind
    max_size: int = Field(description="Bytes one file may have.")
    content_types: list[str] = Field(description="Declared types that are taken.")
    extensions: list[str] = Field(description="File name endings that are taken, without a dot.")


class LimitsConfig(BaseModel):
    """Limits of the caller. What is over them is answered 429 or 413 and names the limit."""

    concurrent_uploads: int
    open_uploads: int = Field(description="Unfinished uploads, moving or left.")
    open_bytes: int = Field(description="Declared bytes of unfinished uploads.")
    stored_bytes: int | None = Field(description="Kept and unfinished bytes; null: no quota.")
    requests_per_minute: int | None = Field(description="New uploads; null: no limit.")


class TusConfig(BaseModel):
    """The resumable protocol, which is always offered."""

    path: str
    version: str
    extensions: list[str]
    checksum_algorithms: list[str]


class PresignedConfig(BaseModel):
    """Uploads straight to the store, as far as it was found fit for them."""

    put: bool = Field(description="One signed request for a whole file; its sha256 is signed.")
    parts: bool = Field(description="Signed parts of a multipart upload.")
    part_digest_needed: bool = Field(description="Each part is signed with a digest of its own.")
    path: str = Field(description="Where such an upload begins.")
    max_put_size: int = Field(description="Bytes of a file that one request may hold.")
    parts_per_call: int = Field(description="Parts that are signed by one call, at most.")
    url_seconds: int = Field(description="Seconds that a signed URL is good.")


class FormConfig(BaseModel):
    """The multi-file form, for callers who may send it."""

    path: str
    max_files: int = Field(description="Files that one form may bring.")


class UploadConfig(BaseModel):
    """Read it once per session: it changes with the deployment only."""

    kinds: list[KindConfig]
    limits: LimitsConfig
    part_size: int = Field(description="Bytes of a part in the store.")
    chunk_size: int = Field(description="Advised bytes of one request: whole parts.")
    max_chunk_size: int = Field(description="A larger body may not pass proxies on the way.")
    expiry_seconds: int = Field(description="Seconds without progress after which one ends.")
    tus: TusConfig
    presigned: PresignedConfig
    form: FormConfig | None = Field(description="Null for a caller who may not send it.")
    accept_any: bool = Field(
        description="Files of every type are taken; the lists say which get a type of their own."
    )


def build_config_routes(describe: DescribeConfig, callers: Callers) -> APIRouter:
    """Must come before the routes of single uploads, whose ids it would be taken for."""
    router = APIRouter(prefix="/api/v1/uploads", tags=["uploads"])
    user = require(callers)

    @router.get("/config", responses=refusals(401))
    async def config(response: Response, caller: Annotated[Caller, Depends(user)]) -> UploadConfig:
        response.headers["Cache-Control"] = "private, max-age=60"
        return _config_of(await describe(caller.role))

    return router


def _config_of(offer: UploadOffer) -> UploadConfig:
    return UploadConfig(
        kinds=[_kind_of(kind) for kind in offer.kinds],
        limits=_limits_of(offer),
        part_size=offer.part_size,
        chunk_size=advised_chunk(offer.part_size),
        max_chunk_size=ADVISED_BODY,
        expiry_seconds=offer.expiry,
        tus=TusConfig(
            path="/files/",
            version=tus_headers.VERSION,
            extensions=tus_headers.EXTENSIONS.split(","),
            checksum_algorithms=list(tus_headers.CHECKSUMS),
        ),
        presigned=PresignedConfig(
            put=offer.presigned.put,
            parts=offer.presigned.parts,
            part_digest_needed=not offer.presigned.plain_parts,
            path="/api/v1/media/sign-upload",
            max_put_size=min(MAX_PUT, max((kind.max_size for kind in offer.kinds), default=0)),
            parts_per_call=URLS_PER_CALL,
            url_seconds=offer.url_seconds,
        ),
        form=FormConfig(path=form.PATH, max_files=offer.form_files) if offer.form_files else None,
        accept_any=offer.accept_any,
    )


def _limits_of(offer: UploadOffer) -> LimitsConfig:
    own, total = offer.limits.person, offer.limits.total
    return LimitsConfig(
        concurrent_uploads=min(own.moving, total.moving),
        open_uploads=min(own.uploads, total.uploads),
        open_bytes=min(own.bytes, total.bytes),
        stored_bytes=offer.limits.stored,
        requests_per_minute=offer.per_minute or None,
    )


def _kind_of(offered: OfferedKind) -> KindConfig:
    namings = [NAMINGS[known] for known in offered.formats]
    return KindConfig(
        kind=offered.kind,
        max_size=offered.max_size,
        content_types=sorted({name for naming in namings for name in naming.declared}),
        extensions=sorted({name for naming in namings for name in naming.extensions}),
    )
