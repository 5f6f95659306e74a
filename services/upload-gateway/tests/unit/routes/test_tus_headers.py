from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid, RepriseError, UnsupportedType
from upload_gateway.routes import tus_headers


@given(
    st.dictionaries(
        st.text("abcdefghij-_", min_size=1, max_size=8),
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=50),
        max_size=8,
    )
)
def test_metadata_reads_back_what_a_client_wrote(pairs: dict[str, str]) -> None:
    header = ",".join(f"{key} {b64encode(text.encode()).decode()}" for key, text in pairs.items())
    assert tus_headers.metadata(header) == pairs


@given(st.text(max_size=200))
def test_any_other_metadata_is_an_error_of_ours_or_a_dictionary(header: str) -> None:
    with suppress(RepriseError):
        assert isinstance(tus_headers.metadata(header), dict)


def test_a_key_may_stand_without_a_value() -> None:
    assert tus_headers.metadata("is_private, filename YQ==") == {"is_private": "", "filename": "a"}


@pytest.mark.parametrize("header", ["a YQ==,a YQ==", "a ***", "a /w==", "a AA=="])
def test_bad_metadata_is_refused(header: str) -> None:
    with pytest.raises(Invalid):
        tus_headers.metadata(header)


def test_endless_metadata_is_refused() -> None:
    with pytest.raises(Invalid):
        tus_headers.metadata("a " + "A" * 40_000)


@given(st.text(max_size=30))
def test_a_number_is_a_whole_one_or_refused(text: str) -> None:
    try:
        found = tus_headers.number({"x": text}, "x")
    except Invalid:
        assert not (text.isascii() and text.isdigit()) or int(text) > tus_headers.MAX_NUMBER
    else:
        assert found == int(text)
        assert found >= 0


def test_a_body_in_chunks_has_no_size() -> None:
    assert tus_headers.body_size({"transfer-encoding": "chunked"}) is None
    assert tus_headers.body_size({"content-length": "7"}) == 7
    assert tus_headers.body_size({}) == 0


def test_only_one_content_type_is_a_body() -> None:
    tus_headers.require_body_type({"content-type": "application/offset+octet-stream; x=y"})
    with pytest.raises(UnsupportedType):
        tus_headers.require_body_type({"content-type": "application/octet-stream"})


def test_a_length_is_said_now_or_promised() -> None:
    assert tus_headers.length({"upload-length": "7"}) == 7
    assert tus_headers.length({"upload-defer-length": "1"}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"upload-length": "7", "upload-defer-length": "1"},
        {"upload-defer-length": "0"},
        {"upload-length": "-1"},
    ],
)
def test_a_length_that_is_neither_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        tus_headers.length(headers)


def test_expiry_is_an_http_date() -> None:
    assert tus_headers.expires(datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)) == (
        "Tue, 03 Feb 2026 04:05:06 GMT"
    )


DIGESTS = {"sha1": 20, "sha256": 32, "crc32c": 4}


@pytest.mark.parametrize(("name", "size"), DIGESTS.items())
def test_a_checksum_names_its_algorithm(name: str, size: int) -> None:
    text = b64encode(bytes(size)).decode()
    assert tus_headers.checksum({"upload-checksum": f"{name} {text}"}) is not None
    assert tus_headers.checksum({}) is None
    with pytest.raises(Invalid):
        tus_headers.checksum({"upload-checksum": f"{name} {b64encode(bytes(size + 1)).decode()}"})


@pytest.mark.parametrize("said", ["md5 AAAA", "SHA1 AAAA", "", "sha1", "sha1 ***", "crc32c AAAA=A"])
def test_another_checksum_is_refused(said: str) -> None:
    with pytest.raises(Invalid):
        tus_headers.checksum({"upload-checksum": said})


@given(st.text(max_size=60))
def test_any_checksum_header_is_an_error_of_ours_or_a_checksum(said: str) -> None:
    with suppress(Invalid):
        assert tus_headers.checksum({"upload-checksum": said}) is not None


ONE = "6ad14d6b-6cf9-4a85-8b70-9b81d9ad1d20"
HERE = {"host": "media.example.org"}


@pytest.mark.parametrize(
    "url", [ONE, f"/files/{ONE}", f"http://media.example.org/files/{ONE}", f"./{ONE}"]
)
def test_a_final_upload_names_uploads_of_this_server(url: str) -> None:
    found = tus_headers.partials(HERE | {"upload-concat": f"final;{url} {url}"})
    assert [str(upload_id) for upload_id in found or ()] == [ONE, ONE]
    assert tus_headers.partials(HERE) is None
    assert tus_headers.partials(HERE | {"upload-concat": "partial"}) == ()


@pytest.mark.parametrize("url", ["http://[/files/" + ONE, "//[", "http://[::1]x]/"])
def test_what_is_no_address_at_all_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        tus_headers.partials(HERE | {"upload-concat": f"final;{url}"})


def test_a_host_that_is_none_names_no_upload() -> None:
    with pytest.raises(Invalid):
        tus_headers.partials({"host": "[", "upload-concat": f"final;{ONE}"})


@given(st.text(max_size=80), st.sampled_from(["", "final;", "partial;", "final;/files/"]))
def test_any_concatenation_header_is_an_error_of_ours_or_names_uploads(
    said: str, start: str
) -> None:
    with suppress(Invalid):
        for upload_id in tus_headers.partials(HERE | {"upload-concat": start + said}) or ():
            assert str(upload_id) in said
