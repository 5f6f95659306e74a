import aiohttp
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from common import errors
from common.s3.failures import mapped


def answer(status: int, code: str = "") -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "GetObject",
    )


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (answer(404, "NoSuchKey"), errors.NotFound, "object_not_found"),
        (answer(404, "404"), errors.NotFound, "object_not_found"),
        (answer(404, "NoSuchUpload"), errors.NotFound, "multipart_not_found"),
        (answer(404, "NoSuchBucket"), errors.Unavailable, "bucket_missing"),
        (answer(403, "AccessDenied"), errors.Unavailable, "storage_denied"),
        (answer(403, "SignatureDoesNotMatch"), errors.Unavailable, "storage_denied"),
        (answer(412, "PreconditionFailed"), errors.Conflict, "object_exists"),
        (answer(416, "InvalidRange"), errors.Invalid, "range_not_satisfiable"),
        (answer(400, "BadDigest"), errors.Rejected, "digest_mismatch"),
        (answer(400, "XAmzContentSHA256Mismatch"), errors.Rejected, "digest_mismatch"),
        (answer(400, "EntityTooLarge"), errors.TooLarge, "object_too_large"),
        (answer(400, "InvalidPart"), errors.Conflict, "part_mismatch"),
        (answer(503, "SlowDown"), errors.Unavailable, "storage_busy"),
        (answer(429, "TooManyRequests"), errors.Unavailable, "storage_busy"),
        (answer(501, "NotImplemented"), errors.Unavailable, "storage_unsupported"),
        (answer(500, "InternalError"), errors.Unavailable, "storage_unavailable"),
        (answer(502), errors.Unavailable, "storage_unavailable"),
        (answer(400, "Whatever"), errors.Corrupt, "storage_refused"),
        (
            EndpointConnectionError(endpoint_url="http://x"),
            errors.Unavailable,
            "storage_unavailable",
        ),
        (ReadTimeoutError(endpoint_url="http://x"), errors.Unavailable, "storage_unavailable"),
        (aiohttp.ClientPayloadError(), errors.Unavailable, "storage_unavailable"),
        (TimeoutError(), errors.Unavailable, "storage_unavailable"),
    ],
    ids=str,
)
def test_what_the_store_says_becomes_a_kind_of_ours(
    raised: Exception, kind: type[errors.RepriseError], code: str
) -> None:
    with pytest.raises(kind) as found, mapped():
        raise raised
    assert found.value.code == code
    assert found.value.__cause__ is raised


def test_our_own_errors_pass() -> None:
    with pytest.raises(errors.Gone), mapped():
        raise errors.Gone
