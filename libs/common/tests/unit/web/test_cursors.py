import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.web.cursors import BadCursor, decoded, encoded


@given(st.binary(max_size=200))
def test_a_place_comes_back_from_its_cursor(place: bytes) -> None:
    assert decoded(encoded(place)) == place
    assert encoded(place).isascii()
    assert not set(encoded(place)) & set("+/=&?")


@pytest.mark.parametrize("cursor", ["x", "!!!!", "ä", "AA=A", "A A A"])
def test_what_we_did_not_make_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor) as caught:
        decoded(cursor)
    assert caught.value.code == "invalid_cursor"
