from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import ObjectKey, UserId, new_asset_id, new_upload_id
from upload_gateway.domain.errors import (
    LengthMismatch,
    OffsetMismatch,
    OverLimit,
    PastLength,
    Superseded,
    UploadGone,
)
from upload_gateway.domain.upload import ENDED, FORGOTTEN, RUNNING, State, Stored, Upload

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEW = Upload(
    id=new_upload_id(),
    asset_id=new_asset_id(),
    user_id=UserId(UUID(int=1)),
    kind="audio",
    key=ObjectKey("u/x"),
    length=100,
    max_length=1000,
    part_size=10,
    created_at=NOW,
    expires_at=NOW + timedelta(days=1),
    sequence=1,
)


def test_a_new_writer_takes_the_next_generation() -> None:
    first = NEW.continued(0, 10)
    second = first.continued(0, None)
    assert (first.generation, second.generation) == (1, 2)
    assert first.state == "receiving"
    with pytest.raises(Superseded):
        second.held_by(first.generation)
    assert second.held_by(second.generation) is second


def test_an_empty_body_takes_nothing_from_a_writer() -> None:
    held = NEW.continued(0, 10)
    assert held.continued(0, 0) is held


@given(st.integers(0, 100), st.integers(0, 200), st.integers(0, 200))
def test_only_the_true_offset_and_what_fits_is_taken(at: int, given: int, size: int) -> None:
    upload = replace(NEW, offset=at)
    if given != at:
        with pytest.raises(OffsetMismatch) as refused:
            upload.continued(given, size)
        assert refused.value.offset == at
    elif at + size > upload.bound:
        with pytest.raises(PastLength):
            upload.continued(given, size)
    else:
        assert upload.continued(given, size).offset == at


@given(st.lists(st.integers(-50, 150)))
def test_the_offset_never_shrinks_nor_passes_the_length(steps: list[int]) -> None:
    upload = NEW
    for step in steps:
        before = upload.offset
        try:
            upload = upload.advanced(step, NOW)
        except PastLength:
            assert not before <= step <= upload.bound
        assert before <= upload.offset <= upload.bound


@pytest.mark.parametrize("state", sorted(FORGOTTEN))
def test_an_ended_resource_is_gone(state: State) -> None:
    with pytest.raises(UploadGone):
        replace(NEW, state=state).continued(0, 1)


@pytest.mark.parametrize("state", sorted(ENDED - FORGOTTEN | {"verifying"}))
def test_a_whole_upload_is_remembered_and_takes_no_writer(state: State) -> None:
    whole = replace(NEW, state=state, offset=100)
    assert whole.continued(100, 0) is whole
    with pytest.raises(OffsetMismatch):
        whole.continued(0, 100)


def test_each_fact_has_the_next_sequence() -> None:
    stored = NEW.verifying("a" * 64).stored(Stored(100, "e"), "flac", "a" * 64, NOW)
    assert (stored.sequence, stored.withdrawn(NOW).sequence) == (2, 3)
    assert (stored.content_type, stored.stored_at) == ("audio/flac", NOW)


def test_an_end_takes_the_fence_from_a_writer() -> None:
    held = NEW.continued(0, 10)
    for ended in (held.aborted(NOW), held.expired(NOW)):
        with pytest.raises(Superseded):
            ended.held_by(held.generation)


@pytest.mark.parametrize("state", sorted((ENDED | RUNNING | {"verifying"}) - {"stored"}))
def test_only_a_stored_upload_becomes_a_duplicate(state: State) -> None:
    upload = replace(NEW, state=state)
    assert upload.duplicate(UUID(int=9)) is upload
    assert replace(NEW, state="stored").duplicate(UUID(int=9)).state == "duplicate"


def test_only_a_running_upload_is_ever_due() -> None:
    later = NOW + timedelta(days=2)
    assert NEW.due(later)
    assert not NEW.due(NOW)
    assert not NEW.verifying(None).due(later)


OPEN = replace(NEW, length=None, offset=30)


def test_a_length_is_said_once() -> None:
    known = OPEN.continued(30, 0, 50)
    assert (known.length, known.generation) == (50, OPEN.generation + 1)
    assert known.continued(30, 0, 50) is known
    with pytest.raises(LengthMismatch):
        known.continued(30, 0, 51)


def test_a_length_is_not_below_what_is_there_nor_above_the_limit() -> None:
    with pytest.raises(LengthMismatch):
        OPEN.measured(29)
    with pytest.raises(OverLimit):
        OPEN.measured(1001)
    assert OPEN.measured(30).whole


def test_an_upload_of_open_length_grows_to_the_limit_and_is_never_whole() -> None:
    assert not OPEN.advanced(1000, NOW).whole
    assert OPEN.advanced(1000, NOW).full
    with pytest.raises(OverLimit):
        OPEN.continued(30, 971)
    with pytest.raises(OverLimit):
        OPEN.advanced(1001, NOW)
