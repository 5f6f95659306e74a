import io

from hypothesis import given
from hypothesis import strategies as st

from common.s3.bodies import BufferView

STEPS = st.lists(
    st.tuples(st.just("read"), st.integers(-1, 40))
    | st.tuples(st.just("seek"), st.integers(0, 60))
    | st.tuples(st.just("end"), st.just(0))
)


@given(body=st.binary(max_size=50), steps=STEPS)
def test_a_view_reads_as_a_file_does(body: bytes, steps: list[tuple[str, int]]) -> None:
    ours, real = BufferView(memoryview(bytearray(body))), io.BytesIO(body)
    for what, number in steps:
        if what == "read":
            assert ours.read(number) == real.read(number)
        elif what == "seek":
            assert ours.seek(number) == real.seek(number)
        else:
            assert ours.seek(0, io.SEEK_END) == real.seek(0, io.SEEK_END)
        assert ours.tell() == real.tell()
    ours.seek(0)
    assert b"".join(ours) == body
    assert (len(ours), ours.getvalue(), bytes(ours.getbuffer())) == (len(body), body, body)


def test_the_bytes_are_not_copied() -> None:
    buffer = bytearray(b"abc")
    view = BufferView(buffer)
    buffer[0] = ord("x")
    assert view.read() == b"xbc"
