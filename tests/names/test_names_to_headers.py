"""A file name on its whole way: from whoever sends it to the header of a download."""

import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.domain.content import content_disposition
from upload_gateway.domain.file_names import MAX_LENGTH, presentable

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# what Windows takes for something else, or a header for its end
UNSAFE = str.maketrans('\\/:*?"<>|', "_" * 9)
HEADER = re.compile(
    r"attachment; filename=\"([^\"\\]*)\"(?:; filename\*=UTF-8''([A-Za-z0-9%._~-]*))?"
)
NASTY = st.text(
    st.sampled_from("/\\\0\r\n\t\x7f\x85\u2028\u2029;\"'%*.: aé日🎵" + BIDI), max_size=60
)
NAMES = st.one_of(st.text(max_size=400), NASTY, st.tuples(NASTY, st.text(max_size=60)).map("".join))


def read_back(header: str) -> str:
    """The name as RFC 6266 wants it read: the extended one first."""
    match = HEADER.fullmatch(header)
    assert match is not None, header
    plain, extended = match.groups()
    return plain if extended is None else unquote(extended, errors="strict")


@pytest.mark.req("SEC-11")
@given(NAMES)
@settings(max_examples=500)
def test_a_name_is_never_a_path_nor_hides_anything_and_survives_a_header(sent: str) -> None:
    shown = presentable(sent)
    if shown is None:
        return
    assert 0 < len(shown) <= MAX_LENGTH
    assert not set(shown) & {"/", "\\", "\0", "\r", "\n", *BIDI}
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert presentable(shown) == shown
    header = content_disposition("attachment", shown)
    assert header.isascii()
    assert header.isprintable()
    wanted = shown.translate(UNSAFE)
    assert read_back(header) == (wanted[:150].strip(" .") if len(wanted) > 150 else wanted)
