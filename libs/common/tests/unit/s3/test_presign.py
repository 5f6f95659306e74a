"""Our URLs and botocore's are the same bytes."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from common.errors import Invalid
from common.s3.presign import Presigner
from common.settings.groups import S3Settings
from common.testing.clock import ManualClock

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SETTINGS = S3Settings(
    endpoint="http://127.0.0.1:9000",
    public_endpoint="https://media.example:443",
    access_key_id="AKIDEXAMPLE",
    secret_access_key=SecretStr(SECRET),
    bucket="reprise-media",
    region="eu-central-1",
)
OVERRIDES = {
    "content_type": "ResponseContentType",
    "content_disposition": "ResponseContentDisposition",
    "cache_control": "ResponseCacheControl",
}
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60)
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=40)


def theirs(endpoint: str) -> Any:
    return botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=SETTINGS.region,
        aws_access_key_id=SETTINGS.access_key_id,
        aws_secret_access_key=SECRET,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


BOTOCORE = theirs(SETTINGS.endpoint)


def made_at(url: str) -> datetime:
    stamp = parse_qs(urlsplit(url).query)["X-Amz-Date"][0]
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def same(url: str, key: str, expires: int, **overrides: str) -> bool:
    presigner = Presigner(SETTINGS, for_origin="internal", clock=ManualClock(made_at(url)))
    return presigner.get_url(key, expires=expires, **overrides) == url


@pytest.mark.parametrize(
    "key",
    [
        "u/01890a5d-ac96-774b-bcce-b302099a8057/mp3-192-0123456789abcdef.mp3",
        "a b+c/ü ñ/日本語/%25%/=&?#;,'\"()*!~@:$.mp3",
        "a//b/",
        " lead and trail ",
    ],
)
@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"content_type": "audio/mpeg; a=b"},
        {
            "content_type": "text/plain",
            "content_disposition": "attachment; filename=\"a b\"; filename*=UTF-8''%C3%A9",
            "cache_control": "no-store",
        },
    ],
)
def test_known_keys_give_the_same_url(key: str, overrides: dict[str, str]) -> None:
    parameters = {OVERRIDES[name]: value for name, value in overrides.items()}
    url = BOTOCORE.generate_presigned_url(
        "get_object",
        Params={"Bucket": SETTINGS.bucket, "Key": key, **parameters},
        ExpiresIn=600,
    )
    assert same(url, key, 600, **overrides)


@given(key=KEYS, expires=st.integers(1, 604_800), disposition=st.none() | VALUES)
def test_any_key_gives_the_same_url(key: str, expires: int, disposition: str | None) -> None:
    parameters = {"ResponseContentDisposition": disposition} if disposition else {}
    url = BOTOCORE.generate_presigned_url(
        "get_object",
        Params={"Bucket": SETTINGS.bucket, "Key": key, **parameters},
        ExpiresIn=expires,
    )
    assert same(url, key, expires, **({"content_disposition": disposition} if disposition else {}))


def test_signed_headers_give_the_same_url() -> None:
    url = BOTOCORE.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": SETTINGS.bucket,
            "Key": "k",
            "ContentType": "image/png",
            "ContentLength": 5,
            "IfNoneMatch": "*",
        },
        ExpiresIn=60,
    )
    presigner = Presigner(SETTINGS, for_origin="internal", clock=ManualClock(made_at(url)))
    headers = {"content-type": "image/png", "content-length": "5", "if-none-match": "*"}
    assert presigner.url("PUT", "k", expires=60, headers=headers) == url


def test_browsers_get_urls_of_the_public_host() -> None:
    url = theirs(SETTINGS.public_endpoint).generate_presigned_url(
        "get_object", Params={"Bucket": SETTINGS.bucket, "Key": "k"}, ExpiresIn=60
    )
    ours = Presigner(SETTINGS, clock=ManualClock(made_at(url))).get_url("k", expires=60)
    # whether the default port is written out is a matter of taste; both sign the bare host
    assert ours.replace(":443/", "/") == url.replace(":443/", "/")


def test_the_key_of_the_day_changes_at_midnight() -> None:
    clock = ManualClock(datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC))
    presigner = Presigner(SETTINGS, clock=clock)
    assert "%2F20260101%2F" in presigner.get_url("k", expires=60)
    clock.advance(2)
    tomorrow = Presigner(SETTINGS, clock=ManualClock(clock.now())).get_url("k", expires=60)
    assert presigner.get_url("k", expires=60) == tomorrow


@pytest.mark.parametrize("expires", [0, -1, 604_801])
def test_a_url_lives_between_a_second_and_a_week(expires: int) -> None:
    with pytest.raises(Invalid):
        Presigner(
            SETTINGS, clock=ManualClock(datetime.min.replace(tzinfo=UTC) + timedelta(1))
        ).get_url("k", expires=expires)
