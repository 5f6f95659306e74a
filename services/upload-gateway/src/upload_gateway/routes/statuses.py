"""The answers of the upload protocol that differ from the common table."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from common.web.problems import problem, problem_response
from upload_gateway.domain.errors import OffsetMismatch, UploadBusy


def install(app: FastAPI) -> None:
    """Say the true offset with 409, and 423 where a client should keep its address."""
    app.add_exception_handler(OffsetMismatch, _mismatch)
    app.add_exception_handler(UploadBusy, _busy)


async def _mismatch(_: Request, error: Exception) -> Response:
    assert isinstance(error, OffsetMismatch)  # noqa: S101  (registered for this kind only)
    return problem_response(error, headers={"Upload-Offset": str(error.offset)})


async def _busy(_: Request, error: Exception) -> Response:
    assert isinstance(error, UploadBusy)  # noqa: S101
    headers = {"Retry-After": str(error.retry_after)}
    return problem(423, error.code, error.detail, headers=headers)
