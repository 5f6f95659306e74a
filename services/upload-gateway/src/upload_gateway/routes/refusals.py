"""The refusals of these routes for the OpenAPI document: status to problem+json."""

from typing import Any

from common.web.described import refused

_MEANING = {
    400: "It cannot be understood as it stands",
    401: "No bearer, or one that does not verify",
    403: "The role is not enough, or the upload takes no bytes",
    404: "No such upload, or not one of the caller",
    409: "The present state does not allow it, or other things were said before",
    410: "The upload was ended, or has expired",
    412: "Tus-Resumable is missing, or another version",
    413: "Over a limit, which is named; see Retry-After where waiting helps",
    415: "A type, or content, that is not taken",
    422: "It does not fit its schema, or the bytes are not the file that was declared",
    423: "A request on it does not end, or what it is a piece of is being built; see Retry-After",
    429: "Over a limit, which is named; see Retry-After. 503 where the settings say so",
    460: "The body has other bytes than its checksum says",
    503: "A part of the system does not answer, or the request was cut; see Retry-After",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: those named, and that of every route."""
    return {status: refused(_MEANING[status]) for status in sorted({*statuses, 503})}
