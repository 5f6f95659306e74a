from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import UserId
from upload_gateway.domain.errors import BytesInFlightExceeded, QuotaExceeded, TooManyUploads
from upload_gateway.domain.limits import (
    ADVISED_BODY,
    Asking,
    Ceiling,
    Limits,
    Open,
    Sizes,
    advised_chunk,
)

MIB = 1024 * 1024
CEILING = Ceiling(moving=2, uploads=5, bytes=100)
LIMITS = Limits(CEILING, CEILING, stored=150)


@pytest.mark.parametrize(
    ("now", "declared", "error", "limit", "allowed"),
    [
        (Open(2, 2, 0), 1, TooManyUploads, "concurrent_uploads_per_user", 2),
        (Open(0, 5, 0), 1, TooManyUploads, "open_uploads_per_user", 5),
        (Open(1, 1, 60), 41, BytesInFlightExceeded, "open_bytes_per_user", 100),
        (Open(0, 0, 101), None, BytesInFlightExceeded, "open_bytes_per_user", 100),
    ],
)
def test_each_refusal_says_which_limit_and_its_value(
    now: Open, declared: int | None, error: type[Exception], limit: str, allowed: int
) -> None:
    with pytest.raises(error) as refused:
        CEILING.admit(now, declared, "per_user")
    assert getattr(refused.value, "extensions", {}) == {"limit": limit, "allowed": allowed}


@pytest.mark.parametrize(("declared", "told"), [(41, True), (100, True), (101, False)])
def test_bytes_that_fit_beside_nothing_are_not_asked_for_again(declared: int, told: bool) -> None:
    with pytest.raises(BytesInFlightExceeded) as refused:
        CEILING.admit(Open(1, 1, 60), declared, "total")
    assert (refused.value.retry_after is not None) is told


@pytest.mark.parametrize("declared", [None, 0, 40])
def test_what_fits_to_the_last_byte_is_admitted(declared: int | None) -> None:
    CEILING.admit(Open(1, 4, 60), declared, "total")


def test_a_quota_counts_kept_and_open_bytes_together() -> None:
    LIMITS.require_quota(taken=130, more=20)
    with pytest.raises(QuotaExceeded):
        LIMITS.require_quota(taken=130, more=21)
    Limits(CEILING, CEILING).require_quota(taken=10**18, more=21)


def test_a_kind_is_never_wider_than_all_kinds() -> None:
    sizes = Sizes(20 * MIB, (("image", 5 * MIB), ("video", 90 * MIB)))
    assert [sizes.of("audio"), sizes.of("image"), sizes.of("video")] == [
        20 * MIB,
        5 * MIB,
        20 * MIB,
    ]
    assert sizes.of("avatar") == 10 * MIB
    assert Sizes(20 * MIB, (("avatar", 15 * MIB),)).of("avatar") == 15 * MIB


@given(st.integers(5 * MIB, 64 * MIB))
def test_the_advised_chunk_is_whole_parts_and_passes_everywhere(part_size: int) -> None:
    chunk = advised_chunk(part_size)
    assert chunk % part_size == 0
    assert 0 < chunk <= ADVISED_BODY


def test_who_asks_may_not_know_the_length() -> None:
    assert Asking(UserId(UUID(int=1)), None).declared is None
