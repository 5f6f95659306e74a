"""tus 1.0 at /files/: OPTIONS, POST, HEAD, PATCH, DELETE."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from prometheus_client import Counter
from starlette.responses import Response

from common.errors import Conflict, RepriseError, TooLarge, Unavailable
from common.ids import UploadId
from common.web.callers import Caller, Callers, require
from upload_gateway.domain.birth import NewUpload
from upload_gateway.domain.errors import ChecksumMismatch, PastLength, UploadNotFound
from upload_gateway.domain.upload import Upload
from upload_gateway.routes import statuses, tus_headers
from upload_gateway.routes.refusals import refusals
from upload_gateway.routes.request_body import RequestBody
from upload_gateway.usecases.append_bytes import Append, AppendBytes
from upload_gateway.usecases.concatenate_uploads import ConcatenateUploads
from upload_gateway.usecases.create_upload import CreateUpload
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.find_upload import FindUpload

_PUBLIC = {"x-role": "public"}
_CAPABILITY = {"x-role": "capability"}
_CREATION = (400, 401, 403, 409, 410, 412, 413, 415, 422, 423, 429, 460)
_APPENDING = (400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 423, 460)


@dataclass(frozen=True, slots=True)
class TusUseCases:
    """What the protocol does; `received` counts body bytes."""

    create: CreateUpload
    concatenate: ConcatenateUploads
    find: FindUpload
    append: AppendBytes
    end: EndUpload
    received: Counter


def build_tus_routes(uses: TusUseCases, callers: Callers) -> APIRouter:
    """Whoever has the address may ask for the offset; changing anything needs its owner."""
    router = APIRouter(tags=["tus"])
    user = require(callers)

    @router.options("/files/", response_class=Response, openapi_extra=_PUBLIC)
    @router.options(
        "/files/{upload_id}",
        response_class=Response,
        openapi_extra=_PUBLIC,
    )
    async def offer() -> Response:
        return Response(
            headers={
                "Tus-Version": tus_headers.VERSION,
                "Tus-Extension": tus_headers.EXTENSIONS,
                "Tus-Max-Size": str(uses.create.sizes.general),
                "Tus-Checksum-Algorithm": ",".join(tus_headers.CHECKSUMS),
            }
        )

    @router.post(
        "/files/", status_code=201, response_class=Response, responses=refusals(*_CREATION)
    )
    async def create(request: Request, caller: Annotated[Caller, Depends(user)]) -> Response:
        return await _created(uses, request, caller)

    @router.head(
        "/files/{upload_id}",
        response_class=Response,
        responses=refusals(404, 410, 412, 422, 423),
        openapi_extra=_CAPABILITY,
    )
    async def find(upload_id: str) -> Response:
        upload = await uses.find(upload_id_of(upload_id))
        return Response(headers=tus_headers.description(upload))

    @router.patch("/files/{upload_id}", status_code=204, responses=refusals(*_APPENDING))
    async def append(
        upload_id: str, request: Request, caller: Annotated[Caller, Depends(user)]
    ) -> Response:
        tus_headers.require_body_type(request.headers)
        offset = tus_headers.required(request.headers, "upload-offset")
        wanted = Append(
            upload_id_of(upload_id),
            caller.user_id,
            offset,
            tus_headers.body_size(request.headers),
            tus_headers.number(request.headers, "upload-length"),
            tus_headers.checksum(request.headers),
            role=caller.role,
        )
        upload = await uses.append(wanted, RequestBody(request, uses.received))
        return Response(status_code=204, headers=tus_headers.progress(upload))

    @router.delete(
        "/files/{upload_id}", status_code=204, responses=refusals(401, 404, 410, 412, 422, 423)
    )
    async def end(upload_id: str, caller: Annotated[Caller, Depends(user)]) -> Response:
        await uses.end(upload_id_of(upload_id), caller.user_id)
        return Response(status_code=204)

    return router


def upload_id_of(text: str) -> UploadId:
    """The id in an address; anything that cannot be one is an upload that does not exist."""
    try:
        found = UUID(text)
    except ValueError as error:
        raise UploadNotFound from error
    if str(found) != text.lower():
        raise UploadNotFound  # in braces, as a URN: no address that was given out is so written
    return UploadId(found)


async def _created(uses: TusUseCases, request: Request, caller: Caller) -> Response:
    headers = request.headers
    partials = tus_headers.partials(headers)
    if partials:
        final = await uses.concatenate(_new_upload(request, caller, None, partials))
        said = {"Location": tus_headers.location(headers, request.url.scheme, final)}
        return Response(status_code=201, headers=said | tus_headers.progress(final))
    length, size = tus_headers.length(headers), tus_headers.body_size(headers)
    if size != 0:
        tus_headers.require_body_type(headers)
    checksum = tus_headers.checksum(headers)
    if length is not None and (size or 0) > length:
        raise PastLength("the body is longer than Upload-Length")
    upload = await uses.create(_new_upload(request, caller, length))
    said = {"Location": tus_headers.location(headers, request.url.scheme, upload)}
    append = Append(upload.id, upload.user_id, 0, size, checksum=checksum, role=caller.role)
    if size != 0:
        try:
            upload = await _first_bytes(uses, request, append)
        except ChecksumMismatch as error:
            # the upload exists, and the client may send the bytes again to this address
            return statuses.mismatched(error, said | tus_headers.progress(upload))
    return Response(status_code=201, headers=said | tus_headers.progress(upload))


def _new_upload(
    request: Request,
    caller: Caller,
    length: int | None,
    partials: tuple[UploadId, ...] = (),
) -> NewUpload:
    header = request.headers.get("upload-metadata", "")
    return NewUpload(
        user_id=caller.user_id,
        role=caller.role,
        length=length,
        header=header,
        metadata=tus_headers.metadata(header),
        concat=request.headers.get("upload-concat", ""),
        partials=partials,
    )


async def _first_bytes(uses: TusUseCases, request: Request, append: Append) -> Upload:
    """The body of a POST. The upload exists unless it is refused, so the answer is its offset."""
    try:
        return await uses.append(append, RequestBody(request, uses.received))
    except (Unavailable, Conflict):
        return await uses.find(append.upload_id)
    except TooLarge:
        # its client is told no address, and an upload that nobody can end would count as open
        with suppress(RepriseError):
            await uses.end(append.upload_id, append.user_id)
        raise
