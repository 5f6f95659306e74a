"""The refusals of these routes for the OpenAPI document: status to problem+json."""

from typing import Any

from common.web.described import refused

_MEANING = {
    401: "No bearer, or one that does not verify",
    403: "The role is not enough",
    404: "No such asset, or none for these eyes",
    409: "The present state does not allow it",
    410: "Deleted for good",
    412: "The asset changed since it was read",
    422: "The request does not fit its schema",
    503: "The database does not answer; see Retry-After",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: those named, and those every route has."""
    return {status: refused(_MEANING[status]) for status in sorted({*statuses, 401, 503})}
