"""The store's refusals as kinds of common.errors, by one table."""

from collections.abc import Generator
from contextlib import contextmanager

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from common.errors import (
    Conflict,
    Corrupt,
    Invalid,
    NotFound,
    Rejected,
    RepriseError,
    TooLarge,
    Unavailable,
)

# code or status of the store -> kind and code of ours; codes first, they say more
_TABLE: dict[str, tuple[type[RepriseError], str]] = {
    "NoSuchKey": (NotFound, "object_not_found"),
    "NoSuchUpload": (NotFound, "multipart_not_found"),
    "NoSuchBucket": (Unavailable, "bucket_missing"),
    "PreconditionFailed": (Conflict, "object_exists"),
    "ConditionalRequestConflict": (Conflict, "object_exists"),
    "BadDigest": (Rejected, "digest_mismatch"),
    "XAmzContentSHA256Mismatch": (Rejected, "digest_mismatch"),
    "XAmzContentChecksumMismatch": (Rejected, "digest_mismatch"),
    "IncompleteBody": (Rejected, "body_incomplete"),
    "EntityTooLarge": (TooLarge, "object_too_large"),
    "EntityTooSmall": (Invalid, "part_too_small"),
    "InvalidPart": (Conflict, "part_mismatch"),
    "InvalidPartOrder": (Conflict, "part_mismatch"),
    "InvalidRange": (Invalid, "range_not_satisfiable"),
    "SlowDown": (Unavailable, "storage_busy"),
    "ServiceUnavailable": (Unavailable, "storage_busy"),
    "RequestTimeout": (Unavailable, "storage_unavailable"),
    "NotImplemented": (Unavailable, "storage_unsupported"),
    "404": (NotFound, "object_not_found"),
    "403": (Unavailable, "storage_denied"),
    "401": (Unavailable, "storage_denied"),
    "412": (Conflict, "object_exists"),
    "413": (TooLarge, "object_too_large"),
    "416": (Invalid, "range_not_satisfiable"),
    "429": (Unavailable, "storage_busy"),
    "501": (Unavailable, "storage_unsupported"),
    "503": (Unavailable, "storage_busy"),
}

_DETAILS = {
    "storage_denied": "The store refused our credentials.",
    "storage_busy": "The store asks to slow down.",
    "storage_unsupported": "The store does not support this.",
    "storage_unavailable": "The store does not answer.",
    "bucket_missing": "The bucket is missing; run `reprise setup`.",
}


@contextmanager
def mapped(*, on_precondition: str = "object_exists") -> Generator[None, None, None]:
    """Re-raise what the S3 client raises inside as a kind of common.errors.

    A refusal of our credentials is Unavailable, not Forbidden: the caller did nothing wrong, and a
    retry is right once the operator mended it.
    """
    try:
        yield
    except ClientError as error:
        found = error_of(error)
        if found.code == "object_exists":
            found = Conflict(code=on_precondition)
        raise found from error
    except (TimeoutError, BotoCoreError, HTTPClientError, aiohttp.ClientError) as error:
        raise Unavailable(_DETAILS["storage_unavailable"], code="storage_unavailable") from error


def code_of(error: ClientError) -> str:
    """The store's own word for a refusal; nothing when it said none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_of(error: ClientError) -> RepriseError:
    """Our kind for an answer of the store."""
    name = code_of(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    found = _TABLE.get(name) or _TABLE.get(str(status))
    if found is None:
        if status >= 500 or status == 0:
            return Unavailable(_DETAILS["storage_unavailable"], code="storage_unavailable")
        return Corrupt(f"The store refused a request ({status} {name}).", code="storage_refused")
    kind, code = found
    return kind(_DETAILS.get(code, ""), code=code)
