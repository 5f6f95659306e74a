"""Error kind to status to `application/problem+json`: the one table of HTTP answers (design §6)."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from common import errors
from common.telemetry.scrub import scrub, scrub_value

CONTENT_TYPE = "application/problem+json"

# looked up along the class's ancestors, so that a subclass answers as its kind does
STATUSES: Mapping[type[errors.RepriseError], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotYet: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.UnsupportedType: 415,
    errors.Rejected: 422,
    errors.Throttled: 429,
    errors.Unavailable: 503,
    errors.Corrupt: 500,
    errors.RepriseError: 500,
}

# codes for what the framework itself refuses
_CODES = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_type",
    422: "invalid_request",
}

# statuses that HTTP itself does not know: tus has one of its own
_TITLES = {460: "Checksum Mismatch"}


def status_of(error: errors.RepriseError) -> int:
    """The HTTP status of an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem(
    status: int,
    code: str,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    **extensions: object,
) -> Response:
    """A problem document. `detail` and extensions are scrubbed; nothing of it may be cached."""
    body = {
        "type": f"urn:reprise:problem:{code}",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
    }
    if detail:
        body["detail"] = scrub(detail)
    body |= {name: scrub_value(value) for name, value in extensions.items() if name not in body}
    return Response(
        json.dumps(body, separators=(",", ":")),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        CONTENT_TYPE,
    )


def problem_response(
    error: errors.RepriseError, *, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to an error of ours. `headers` add to or replace those it has by itself."""
    own: dict[str, str] = {}
    if isinstance(error, errors.Throttled | errors.Unavailable):
        own["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthenticated) and error.code == "unauthenticated":
        own["WWW-Authenticate"] = "Bearer"
    return problem(
        status_of(error),
        error.code,
        error.detail,
        headers=own | dict(headers or {}),
        **error.extensions,
    )


def install(app: FastAPI) -> None:
    """Answer everything that routes raise with a problem document."""
    app.add_exception_handler(errors.RepriseError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.RepriseError)  # noqa: S101  (registered for this kind only)
    return problem_response(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # the input itself is not repeated: it may hold what nobody should log
    fields = [
        {"field": ".".join(map(str, item["loc"])), "message": item["msg"]}
        for item in error.errors()
    ]
    return problem(422, "invalid_request", "The request does not fit its schema.", fields=fields)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = _CODES.get(error.status_code, f"http_{error.status_code}")
    known = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail and error.detail != known else ""
    return problem(error.status_code, code, detail, headers=error.headers)
