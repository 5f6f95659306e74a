from collections.abc import Sequence
from itertools import pairwise

import pytest
from gateway_support import forms
from gateway_support.forms import BOUNDARY, TYPE
from hypothesis import given
from hypothesis import strategies as st

from common.errors import RepriseError
from upload_gateway.domain.errors import MalformedForm
from upload_gateway.routes.form_events import FORM_ENDED, PART_ENDED, Event, FormEvents, PartHead

LINE = f"\r\n--{BOUNDARY}"
# pieces of what ends a part, so that parts are full of beginnings that lead nowhere
TRICKY = st.sampled_from(["\r", "\n", "\r\n", "-", "--", LINE[:-1], LINE[:5], BOUNDARY, "x", "\0"])
BODIES = st.lists(
    st.one_of(
        st.binary(max_size=40), st.lists(TRICKY, max_size=6).map(lambda p: "".join(p).encode())
    )
)


def told(pieces: Sequence[bytes]) -> list[Event]:
    """All events, with neighbouring bytes joined."""
    events, found = FormEvents(TYPE["Content-Type"]), list[Event]()
    for piece in pieces:
        events.push(piece)
        while (event := events.take()) is not None:
            if isinstance(event, memoryview) and found and isinstance(found[-1], memoryview):
                found[-1] = memoryview(bytes(found[-1]) + bytes(event))
            elif not isinstance(event, memoryview) or event:
                found.append(event)
    return found


@given(BODIES, st.lists(st.integers(0, 2000), max_size=12))
def test_any_cutting_of_a_form_tells_the_same_parts(bodies: list[bytes], cuts: list[int]) -> None:
    bodies = [body for body in bodies if LINE.encode() not in b"\r\n" + body]
    whole = b"".join(forms.file(f"{n}.png", body) for n, body in enumerate(bodies)) + forms.END
    at = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
    found = told([whole[start:end] for start, end in pairwise(at)])
    wanted: list[Event] = []
    for number, body in enumerate(bodies):
        wanted.append(PartHead("file", f"{number}.png", "image/png"))
        wanted += [memoryview(body)] if body else []
        wanted.append(PART_ENDED)
    assert found == ([*wanted, FORM_ENDED])


@pytest.mark.parametrize(
    ("disposition", "head"),
    [
        ('form-data; name="a"', PartHead("a", None, None)),
        ('form-data; name=a; filename=""', PartHead("a", "", None)),
        ('form-data; name="a"; filename="x%22y.png"', PartHead("a", 'x"y.png', None)),
        ('form-data; name="a"; filename="x\\"y.png"', PartHead("a", 'x"y.png', None)),
        ('form-data; name="a"; filename="C:\\dir\\y.png"', PartHead("a", "y.png", None)),
        ('FORM-DATA; NAME="a"; FILENAME="y;z.png"', PartHead("a", "y;z.png", None)),
        ('form-data; name="ключ"; filename="日本.png"', PartHead("ключ", "日本.png", None)),
    ],
)
def test_heads_are_read_as_browsers_and_curl_write_them(disposition: str, head: PartHead) -> None:
    written = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    assert told([written]) == [head]


def test_a_name_in_no_known_encoding_is_read_letter_by_letter() -> None:
    line = b'Content-Disposition: form-data; name="a"; filename="\xe9t\xe9.png"\r\n\r\n'
    assert told([f"--{BOUNDARY}\r\n".encode() + line]) == [PartHead("a", "été.png", None)]


@pytest.mark.parametrize(
    "body",
    [
        b"rubbish",
        b"--another\r\n",
        forms.head("a") + b"\r\n--" + BOUNDARY.encode() + b"\r\nbad header\r\n\r\n",
        f"--{BOUNDARY}\r\nContent-Disposition: attachment; name=a\r\n\r\n".encode(),
        f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\n".encode(),
        f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 9,
        f"--{BOUNDARY}\r\nX: ".encode() + b"y" * 5000,
    ],
)
def test_what_is_no_form_is_refused_after_what_was_before_it_and_ever_after(body: bytes) -> None:
    events = FormEvents(TYPE["Content-Type"])
    events.push(
        forms.file("before.png", b"bytes") + body
        if body.startswith(b"--" + BOUNDARY.encode())
        else body
    )
    seen: list[Event] = []
    with pytest.raises(MalformedForm):
        seen += iter(events.take, None)
    if seen:
        assert seen[0] == PartHead("file", "before.png", "image/png")
    with pytest.raises(MalformedForm):
        events.take()


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("", "wrong_content_type"),
        ("application/json", "wrong_content_type"),
        ("multipart/mixed; boundary=a", "wrong_content_type"),
        ("multipart/form-data", "malformed_form"),
        ("multipart/form-data; boundary=", "malformed_form"),
        (f"multipart/form-data; boundary={'b' * 71}", "malformed_form"),
    ],
)
def test_another_body_is_refused_by_its_head(content_type: str, code: str) -> None:
    with pytest.raises(RepriseError) as refused:
        FormEvents(content_type)
    assert refused.value.code == code
