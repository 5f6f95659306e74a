from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from pydantic import SecretStr

from common.ids import UserId
from common.s3.presign import Presigner
from common.settings.groups import S3Settings
from common.testing.clock import ManualClock
from upload_gateway.adapters.s3_urls import S3Urls
from upload_gateway.domain.birth import NewUpload, Terms, born
from upload_gateway.domain.limits import Sizes
from upload_gateway.domain.presigning import PartAsked, SignedRequest
from upload_gateway.domain.upload import Upload

DIGEST = "ab" * 32
STORE = S3Settings(
    endpoint="http://store.internal:9000",
    public_endpoint="https://media.example",
    access_key_id="id",
    secret_access_key=SecretStr("tests only"),
    bucket="bucket",
)


def upload(**more: Any) -> Upload:
    told = {"filename": "a.flac", "filetype": "audio/x-flac", "sha256": DIGEST}
    new = NewUpload(UserId(UUID(int=1)), "admin", 35, "", told, mode="put")
    return replace(born(new, Terms(Sizes(1000), 10, 100), ManualClock().now()), **more)


def urls(seconds: int = 900) -> S3Urls:
    return S3Urls(Presigner(STORE, clock=ManualClock()), seconds)


def bound(request: SignedRequest) -> set[str]:
    """The headers that the signature holds, beside the host."""
    return set(parse_qs(urlsplit(request.url).query)["X-Amz-SignedHeaders"][0].split(";")) - {
        "host"
    }


def test_a_put_binds_type_length_digest_and_that_nothing_is_there_for_the_public_host() -> None:
    request = urls().put(upload())
    assert request.url.startswith("https://media.example/bucket/u/")
    assert (
        bound(request)
        == {name.lower() for name in request.headers}
        == {
            "content-type",
            "content-length",
            "if-none-match",
            "x-amz-checksum-sha256",
        }
    )
    assert request.headers["Content-Type"] == "audio/flac", "as the object will be called"
    assert (request.headers["Content-Length"], request.headers["If-None-Match"]) == ("35", "*")
    assert b64decode(request.headers["x-amz-checksum-sha256"]).hex() == DIGEST
    assert "&X-Amz-Expires=900&" in request.url
    assert urls().lifetime == timedelta(minutes=15)


def test_a_part_binds_its_own_length_its_multipart_and_its_digest_if_there_is_one() -> None:
    several = upload(mode="multipart", multipart_id="m/1")
    first, last = urls().part(several, PartAsked(1)), urls().part(several, PartAsked(4, DIGEST))
    assert (first.size, last.size) == (10, 5)
    assert (bound(first), first.headers) == ({"content-length"}, {"Content-Length": "10"})
    assert bound(last) == {"content-length", "x-amz-checksum-sha256"}
    query = parse_qs(urlsplit(last.url).query)
    assert (query["partNumber"], query["uploadId"]) == (["4"], ["m/1"])
