"""RFC 9110 14 and the table of protocols.md 2, row by row; then properties over all headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.byte_range import (
    MAX_HEADER,
    MAX_RANGES,
    ByteRange,
    Partial,
    Unsatisfiable,
    Whole,
    plan,
)

SIZE = 1000


def single(first: int, last: int) -> Partial:
    return Partial((ByteRange(first, last),))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", single(0, 0)),
        ("bytes=0-1", single(0, 1)),
        ("bytes=10-19", single(10, 19)),
        ("bytes=500-", single(500, 999)),
        ("bytes=-100", single(900, 999)),
        ("bytes=-5000", single(0, 999)),
        ("bytes=990-2000", single(990, 999)),
        ("bytes=999-999", single(999, 999)),
        ("bytes=0-", single(0, 999)),
        ("bytes=0-999", single(0, 999)),
        ("bytes=007-008", single(7, 8)),
    ],
)
def test_one_satisfiable_range_is_partial_even_when_it_covers_everything(
    header: str, expected: Partial
) -> None:
    assert plan(header, SIZE) == expected


@pytest.mark.parametrize(
    "header",
    [
        "bytes=1000-",
        "bytes=1000-1001",
        "bytes=-0",
        "bytes=-000",
        "bytes=5000-,-0",
        "bytes=2000-,1000-",
    ],
)
def test_nothing_of_the_file_asked_for_is_unsatisfiable(header: str) -> None:
    assert plan(header, SIZE) == Unsatisfiable()


@pytest.mark.parametrize(
    "header",
    [
        "", "bytes", "bytes=", "bytes=,", "bytes= , ,", "bytes=-", "bytes=--1", "bytes=a-b",
        "bytes=1-0", "bytes=0-1-2", "bytes=0 - 1", "bytes=1_0-2_0", "bytes=+0-+9", "bytes=0x1-0x2",
        "bytes=²-³", "bytes=١-٢", "bytes=1.0-2", "bytes=0-1;q=1", "bytes 0-1", "bytes:0-1",
        "items=0-1", "seconds=1-2", "=0-1", "bytes=0-1,x", "bytes=x,0-1", "bytes=0-1,5-4",
        "bytes =0-1", "bytes=0-1 2-3", "none", "bytes=0-1, bytes=2-3",
    ],
)  # fmt: skip
def test_a_malformed_header_or_another_unit_is_ignored(header: str) -> None:
    assert plan(header, SIZE) == Whole()


def test_no_header_is_the_whole_file() -> None:
    assert plan(None, SIZE) == Whole()


@pytest.mark.parametrize("unit", ["bytes", "Bytes", "BYTES", "bYtEs"])
def test_the_unit_is_case_insensitive(unit: str) -> None:
    assert plan(f"{unit}=0-1", SIZE) == single(0, 1)


@pytest.mark.parametrize(
    "header",
    ["bytes=,0-1", "bytes=0-1,", "bytes=,,\t,0-1,,", "bytes= 0-1", "bytes=\t0-1\t", " bytes=0-1 "],
)
def test_empty_elements_blanks_and_tabs_are_legal(header: str) -> None:
    assert plan(header, SIZE) == single(0, 1)


@pytest.mark.parametrize("header", ["bytes=0-1,-0", "bytes=5000-,0-1", "bytes=0-1,1000-2000"])
def test_an_unsatisfiable_member_does_not_spoil_a_good_set(header: str) -> None:
    assert plan(header, SIZE) == single(0, 1)


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 40, str(1 << 63), str(1 << 64), "9" * 5000])
def test_a_number_beyond_any_file_is_clamped_as_end_and_unsatisfiable_as_start(digits: str) -> None:
    assert plan(f"bytes=0-{digits}", SIZE) == single(0, 999)
    assert plan(f"bytes=-{digits}", SIZE) == single(0, 999)
    assert plan(f"bytes={digits}-", SIZE) == Unsatisfiable()


def test_five_thousand_leading_zeros_are_a_number_too() -> None:
    assert plan(f"bytes={'0' * 5000}1-2", SIZE) == single(1, 2)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0,-1", (ByteRange(0, 0), ByteRange(999, 999))),
        ("bytes=500-599,0-99", (ByteRange(500, 599), ByteRange(0, 99))),
        ("bytes=0-9,10-19", (ByteRange(0, 9), ByteRange(10, 19))),
        (
            "bytes=" + ",".join(f"{n * 100}-{n * 100 + 9}" for n in range(MAX_RANGES)),
            tuple(ByteRange(n * 100, n * 100 + 9) for n in range(MAX_RANGES)),
        ),
    ],
)
def test_two_to_eight_disjoint_ranges_are_kept_in_the_order_asked(
    header: str, expected: tuple[ByteRange, ...]
) -> None:
    assert plan(header, SIZE) == Partial(expected)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=" + ",".join(f"{n}-{n}" for n in range(MAX_RANGES + 1)),
        "bytes=" + ",".join("0-0" for _ in range(10_000)),
        "bytes=0-9,0-9,0-9",
        "bytes=0-,0-",
        "bytes=0-,1-,2-",
        "bytes=0-1," + "," * MAX_HEADER,
    ],
)
def test_too_many_or_heavily_overlapping_ranges_are_refused(header: str) -> None:
    assert plan(header, SIZE) == Unsatisfiable()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-50,40-60", (ByteRange(0, 60),)),
        ("bytes=40-60,0-50", (ByteRange(0, 60),)),
        ("bytes=0-9,0-9", (ByteRange(0, 9),)),
        ("bytes=0-99,10-19,500-509", (ByteRange(0, 99), ByteRange(500, 509))),
    ],
)
def test_a_light_overlap_is_merged(header: str, expected: tuple[ByteRange, ...]) -> None:
    assert plan(header, SIZE) == Partial(expected)


def test_an_empty_file_has_no_ranges() -> None:
    assert plan("bytes=0-", 0) == Unsatisfiable()
    assert plan("bytes=-5", 0) == Whole()
    assert plan("bytes=-0", 0) == Unsatisfiable()


numbers = st.one_of(st.just(""), st.integers(0, 3000).map(str))
members = st.builds(lambda first, last: f"{first}-{last}", numbers, numbers)
headers = st.one_of(
    st.lists(members, max_size=10).map(lambda items: "bytes=" + ",".join(items)), st.text()
)


@given(header=headers, size=st.integers(0, 2000))
def test_every_answer_is_disjoint_inside_the_file_and_no_longer_than_it(
    header: str, size: int
) -> None:
    match plan(header, size):
        case Partial(ranges):
            covered = [n for each in ranges for n in range(each.first, each.last + 1)]
            assert len(covered) == len(set(covered)) <= size
            assert all(0 <= n < size for n in covered)
            assert 1 <= len(ranges) <= MAX_RANGES
        case answer:
            assert answer in {Whole(), Unsatisfiable()}


@pytest.mark.req("DLV-10")
@given(data=st.binary(min_size=1, max_size=600), chunk=st.integers(1, 97))
def test_concatenated_ranges_equal_the_file(data: bytes, chunk: int) -> None:
    got = b""
    while len(got) < len(data):
        answer = plan(f"bytes={len(got)}-{len(got) + chunk - 1}", len(data))
        assert isinstance(answer, Partial)
        (only,) = answer.ranges
        got += data[only.first : only.last + 1]
    assert got == data
