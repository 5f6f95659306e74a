import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload_gateway.domain.file_names import MAX_LENGTH, presentable


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Сет 12.flac", "Сет 12.flac"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\set.mp3", "set.mp3"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\0b\nc.wav", "ab c.wav"),
        ("  spaced   out .wav  ", "spaced out .wav"),
        ("e\u0301.flac", "\u00e9.flac"),
        ("x" * 300 + ".flac", "x" * 250 + ".flac"),
        ("..", None),
        ("dir/", None),
        ("", None),
        (None, None),
    ],
)
def test_names_are_made_presentable(sent: str | None, shown: str | None) -> None:
    assert presentable(sent) == shown


@given(st.text(max_size=400))
def test_no_name_is_a_path_or_hides_anything(sent: str) -> None:
    shown = presentable(sent)
    if shown is not None:
        assert 0 < len(shown) <= MAX_LENGTH
        assert not {"/", "\\", "\0", "\n"} & set(shown)
        assert not any(unicodedata.category(char) in {"Cc", "Cf"} for char in shown)
