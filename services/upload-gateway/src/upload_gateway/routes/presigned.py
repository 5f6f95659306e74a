"""Uploads past the gateway: sign-upload, the bytes go to the store, commit."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import Counter

from common.telemetry.logs import get_logger, log_event
from common.web.callers import Caller, Callers, require
from upload_gateway.domain.birth import NewUpload
from upload_gateway.domain.kinds import KINDS
from upload_gateway.domain.presigning import Asker
from upload_gateway.domain.presigning_errors import UseTus
from upload_gateway.routes import presigned_schemas as schemas
from upload_gateway.routes import tus_headers
from upload_gateway.routes.presigned_telling import COMMIT, SIGN_UPLOAD, telling, telling_routes
from upload_gateway.routes.refusals import refusals
from upload_gateway.routes.schemas import UploadStatus, described
from upload_gateway.routes.uploads import upload_id_of
from upload_gateway.usecases.commit_upload import Commit, CommitUpload
from upload_gateway.usecases.describe_upload import DescribeUpload
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.sign_parts import PartsWanted, SignParts
from upload_gateway.usecases.sign_upload import SignUpload

_log = get_logger("upload_gateway.presigned")


@dataclass(frozen=True, slots=True)
class PresignedUseCases:
    """What the three steps do; `outcomes` counts answers of sign-upload and commit."""

    sign: SignUpload
    sign_parts: SignParts
    commit: CommitUpload
    describe: DescribeUpload
    end: EndUpload
    outcomes: Counter


def build_presigned_routes(uses: PresignedUseCases, callers: Callers) -> APIRouter:
    """Owners only, with each request anew; another one's upload is one that never was."""
    steps = {"sign_upload": SIGN_UPLOAD, "commit": COMMIT}
    routes = telling_routes(lambda: uses.outcomes, steps)  # descriptions are made without uses
    router = APIRouter(prefix="/api/v1", tags=["presigned"], route_class=routes)
    user = require(callers)

    @router.post("/media/sign-upload", responses=refusals(400, 401, 403, 409, 413, 415, 422, 429))
    async def sign_upload(
        asked: schemas.SignUploadRequest,
        request: Request,
        response: Response,
        caller: Annotated[Caller, Depends(user)],
    ) -> schemas.SignedUploadAnswer:
        response.headers["Cache-Control"] = "no-store"
        origin = tus_headers.origin(request.headers, request.url.scheme)
        told = telling(uses.outcomes, SIGN_UPLOAD, kind=_known(asked.kind))
        with told, _naming_tus(origin):
            signed = await uses.sign(_new_upload(asked, caller), asked.mode)
        uses.outcomes.labels(SIGN_UPLOAD, "issued").inc()
        upload = signed.upload
        log_event(
            _log,
            "media.sign_upload.issued",
            asset_id=str(upload.asset_id),
            kind=upload.kind,
            size=upload.length,
            mode=upload.mode,
        )
        return schemas.signed_upload(signed, origin)

    @router.post("/media/parts", responses=refusals(400, 401, 403, 404, 409, 410, 413, 422))
    async def sign_parts(
        asked: schemas.SignPartsRequest,
        request: Request,
        response: Response,
        caller: Annotated[Caller, Depends(user)],
    ) -> schemas.SignedPartsAnswer:
        response.headers["Cache-Control"] = "no-store"
        upload_id = upload_id_of(asked.upload_id)
        wanted = PartsWanted(upload_id, _asker(caller), asked.key, asked.asked())
        with _naming_tus(tus_headers.origin(request.headers, request.url.scheme)):
            signed = await uses.sign_parts(wanted)
        return schemas.signed_parts(signed.upload, signed.requests)

    @router.post("/media/commit", responses=refusals(400, 401, 403, 404, 409, 410, 413, 415, 422))
    async def commit(
        asked: schemas.CommitRequest, response: Response, caller: Annotated[Caller, Depends(user)]
    ) -> UploadStatus:
        response.headers["Cache-Control"] = "no-store"
        with telling(uses.outcomes, COMMIT):
            wanted = Commit(upload_id_of(asked.upload_id), _asker(caller), asked.key, asked.told())
            upload = await uses.commit(wanted)
            found = await uses.describe(upload.id, caller.user_id)
        uses.outcomes.labels(COMMIT, "ok").inc()
        return described(found)

    @router.delete(
        "/uploads/{upload_id}", status_code=204, responses=refusals(401, 404, 410, 422, 423)
    )
    async def end(upload_id: str, caller: Annotated[Caller, Depends(user)]) -> Response:
        await uses.end(upload_id_of(upload_id), caller.user_id)
        return Response(status_code=204)

    return router


@contextmanager
def _naming_tus(origin: str) -> Generator[None, None, None]:
    """Where this way is closed, the one that is always open is named."""
    try:
        yield
    except UseTus as error:
        error.extensions["use"] = {"protocol": "tus", "url": f"{origin}/files/"}
        raise


def _known(kind: str | None) -> str | None:
    """What a client made up is none of our words: it stays out of the log."""
    return kind if kind in KINDS else None


def _asker(caller: Caller) -> Asker:
    return Asker(caller.user_id, caller.role)


def _new_upload(asked: schemas.SignUploadRequest, caller: Caller) -> NewUpload:
    return NewUpload(
        user_id=caller.user_id,
        role=caller.role,
        length=asked.size,
        header="",
        metadata=asked.told(),
        parent=asked.parent,
    )
