"""Types that may run are never told to a browser, and names always fit a header."""

import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.content import INLINE_TYPES, content_disposition, served_type


@pytest.mark.parametrize("recorded", sorted(INLINE_TYPES))
def test_media_types_are_served_inline(recorded: str) -> None:
    assert served_type(recorded) == (recorded, "inline")
    assert served_type(recorded.upper()) == (recorded, "inline")


@pytest.mark.parametrize(
    "recorded",
    [
        "text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/pdf",
        "text/javascript", "application/json", "text/plain", "image/jpeg; charset=utf-7",
        "image/jpeg,text/html", " image/jpeg", "image/jpeg\r\nx: y", "", "image/*", "video",
    ],
)  # fmt: skip
def test_any_other_type_is_clamped_to_a_download(recorded: str) -> None:
    assert served_type(recorded) == ("application/octet-stream", "attachment")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("set.flac", 'inline; filename="set.flac"'),
        ('a"b.mp3', 'inline; filename="a_b.mp3"'),
        ("../../etc/passwd", 'inline; filename="_.._etc_passwd"'),
        ("x\r\nSet-Cookie: y", 'inline; filename="xSet-Cookie_ y"'),
        ("évil.mp3", "inline; filename=\"_vil.mp3\"; filename*=UTF-8''%C3%A9vil.mp3"),
        ("\u202egpj.exe", 'inline; filename="gpj.exe"'),
        ("", 'inline; filename="media"'),
        ("...", 'inline; filename="media"'),
    ],
)
def test_names_are_written_as_rfc_6266_and_8187_want(name: str, value: str) -> None:
    assert content_disposition("inline", name) == value


@given(st.text(max_size=400))
def test_any_name_fits_a_header_and_can_be_read_back(name: str) -> None:
    value = content_disposition("attachment", name)
    assert value.isascii()
    assert value.isprintable()
    assert len(value) < 2500
    _, _, extended = value.partition("filename*=UTF-8''")
    read = unquote(extended) if extended else value.split('"')[1]
    assert read
    assert not set(read) & set('\\/:*?"<>|')
    assert all(not unicodedata.category(char).startswith("C") for char in read)
