"""POST /api/v1/admin/images/upload: many files in one request, each with a result of its own."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from prometheus_client import Counter
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from common.errors import RepriseError, Throttled, Unavailable
from common.telemetry.logs import get_logger, log_event
from common.web.callers import Caller, Callers, require
from common.web.problems import problem, status_of
from upload_gateway.domain.errors import FormTooLarge
from upload_gateway.ports.writers import Writers
from upload_gateway.routes import statuses, tus_headers
from upload_gateway.routes.form_parts import FormParts
from upload_gateway.routes.form_schemas import BODY, REFUSALS, FormAnswer, answer_of
from upload_gateway.routes.refusals import refusals
from upload_gateway.usecases.receive_file import FileOutcome
from upload_gateway.usecases.receive_form import FormEnded, ReceiveForm, Sender

PATH = "/api/v1/admin/images/upload"
_SPARE = 1024 * 1024  # bytes of a form that are no file: heads, fields
_log = get_logger("upload_gateway.form")


@dataclass(frozen=True, slots=True)
class FormUseCases:
    """What the form does; `largest` is what one file may have.

    `received` counts body bytes, `refused` what limits refused, whole forms and single files.
    """

    receive: ReceiveForm
    writers: Writers
    largest: int
    received: Counter
    refused: Counter


def build_form_routes(uses: FormUseCases, callers: Callers) -> APIRouter:
    """200 for every form that was read to its end, whatever became of its files."""
    router = APIRouter(tags=["uploads"])
    admin = require(callers, "admin")

    @router.post(
        PATH, response_model=FormAnswer, responses=refusals(401, 403) | REFUSALS, openapi_extra=BODY
    )
    async def upload_many(request: Request, caller: Annotated[Caller, Depends(admin)]) -> Response:
        """Files one after the other; a bad one is reported and the others are taken."""
        limit = uses.receive.max_files * uses.largest + _SPARE
        if (tus_headers.body_size(request.headers) or 0) > limit:
            raise FormTooLarge
        sender = Sender(caller.user_id, caller.role)
        with uses.writers.attending() as watch:
            form = FormParts(request, watch, uses.received, limit)
            try:
                files = await uses.receive(sender, form)
            except FormEnded as ended:
                _count(uses.refused, ended.files, ended.error)
                return _cut_short(ended)
        _count(uses.refused, files)
        _tell(files)
        headers = {"Cache-Control": "no-store"}
        return JSONResponse(answer_of(files).model_dump(mode="json"), headers=headers)

    return router


def _cut_short(ended: FormEnded) -> Response:
    """The problem of the form itself, with what was taken before it."""
    _tell(ended.files)
    error = ended.error
    if error.code == "client_gone":
        raise ClientDisconnect
    # what is left of the body is not read
    headers = {"Connection": "close"}
    if isinstance(error, Throttled | Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    files = answer_of(ended.files).model_dump(mode="json")["files"]
    said = {**error.extensions, "files": files}
    return problem(status_of(error), error.code, error.detail, headers=headers, **said)


def _count(
    refused: Counter, files: list[FileOutcome], ended_by: RepriseError | None = None
) -> None:
    """Once each: what ended the form in the middle of a file is an error of both."""
    for error in {ended_by, *(outcome.error for outcome in files)}:
        statuses.count(refused, error)


def _tell(files: list[FileOutcome]) -> None:
    """A file refused by its first bytes comes to no job that would tell of it."""
    for outcome in files:
        upload, error = outcome.upload, outcome.error
        if upload is not None and error is not None and upload.state == "rejected":
            who = {"asset_id": str(upload.asset_id), "kind": upload.kind}
            log_event(_log, "media.commit.fail", **who, size=upload.length, reason=error.code)
