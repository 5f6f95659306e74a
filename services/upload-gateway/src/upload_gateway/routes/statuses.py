"""The answers of the upload protocol that differ from the common table."""

from collections.abc import Mapping

from fastapi import FastAPI
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response

from common.errors import RepriseError, Throttled, TooLarge, Unavailable
from common.telemetry.metrics import Metrics
from common.web.problems import problem, problem_response
from upload_gateway.domain.errors import (
    BytesInFlightExceeded,
    ChecksumMismatch,
    OffsetMismatch,
    UploadBusy,
)


def refusals(metrics: Metrics) -> Counter:
    """What limits refused, for whichever way in is asked."""
    return metrics.counter("refused_uploads", "Uploads and bodies refused, by limit.", ["limit"])


def count(refused: Counter, error: RepriseError | None) -> None:
    """By the limit that refused it; what no limit refused is counted elsewhere, if at all."""
    if isinstance(error, Throttled | TooLarge):
        refused.labels(error.extensions.get("limit", error.code)).inc()


def retry_after(error: RepriseError) -> int | None:
    """Seconds after which the same may succeed; None where only another request may."""
    if isinstance(error, Throttled | Unavailable | BytesInFlightExceeded):
        return error.retry_after
    return None


def install(app: FastAPI, throttled: int, refused: Counter) -> None:
    """Say the true offset with 409, 460 for a checksum, 423 where a client keeps its address.

    `throttled` is the status of what is to be tried again later: 429, or 503 for clients that do
    not know it (protocols.md 1.3). `refused` counts by limit.
    """

    async def limited(_: Request, error: Exception) -> Response:
        assert isinstance(error, RepriseError)  # noqa: S101  (registered for such kinds only)
        count(refused, error)
        after = retry_after(error)
        said = {} if after is None else {"Retry-After": str(after)}
        if not isinstance(error, Throttled):
            return problem_response(error, headers=said)
        return problem(throttled, error.code, error.detail, headers=said, **error.extensions)

    app.add_exception_handler(OffsetMismatch, _mismatch)
    app.add_exception_handler(UploadBusy, _busy)
    app.add_exception_handler(ChecksumMismatch, _mismatched)
    app.add_exception_handler(Throttled, limited)
    app.add_exception_handler(TooLarge, limited)


def mismatched(error: ChecksumMismatch, headers: Mapping[str, str]) -> Response:
    """The protocol has a status of its own for it."""
    return problem(460, error.code, error.detail, headers=headers)


async def _mismatched(_: Request, error: Exception) -> Response:
    assert isinstance(error, ChecksumMismatch)  # noqa: S101  (registered for this kind only)
    return mismatched(error, {})


async def _mismatch(_: Request, error: Exception) -> Response:
    assert isinstance(error, OffsetMismatch)  # noqa: S101  (registered for this kind only)
    return problem_response(error, headers={"Upload-Offset": str(error.offset)})


async def _busy(_: Request, error: Exception) -> Response:
    assert isinstance(error, UploadBusy)  # noqa: S101
    headers = {"Retry-After": str(error.retry_after)}
    return problem(423, error.code, error.detail, headers=headers)
