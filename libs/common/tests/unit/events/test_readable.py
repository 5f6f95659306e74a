"""Deny what you do not know: the rule itself. Delivery's own decoder runs over the same records."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Corrupt
from common.events import (
    Attached,
    BlockState,
    Event,
    MusicSetState,
    ObjectPurged,
    StateRecord,
    Track,
    judge,
    new_message,
    tombstone,
)
from common.events.topics import CATALOG_STATE
from common.events.v1.fields import ASSET_STATES, KINDS, VISIBILITIES
from common.testing.clock import ManualClock
from common.testing.state_records import (
    ANONYMOUS,
    ASSET,
    CASES,
    HEADERS,
    KEY,
    SPOILT,
    Case,
    asset_state,
    written,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOMEBODY, SOMETHING = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_record_is_used_or_denied_for_its_reason(case: Case) -> None:
    verdict = judge(case.key, case.headers, case.value)
    assert (verdict.entity, verdict.id, verdict.sequence) == ("asset", str(ASSET), 7)
    assert verdict.denied == case.denied
    assert verdict.gone == (case.value is None)
    assert (verdict.record == asset_state()) == (case.denied is None and case.value is not None)


@pytest.mark.parametrize("case", ANONYMOUS, ids=lambda case: case.name)
def test_a_record_that_says_neither_what_nor_when_changes_nothing(case: Case) -> None:
    with pytest.raises(Corrupt) as bad:
        judge(case.key, case.headers, case.value)
    assert bad.value.code == "bad_envelope"


def test_a_spoilt_record_is_read_or_denied_and_never_raises() -> None:
    for case in SPOILT:
        verdict = judge(case.key, case.headers, case.value)
        assert (verdict.record is None) != (verdict.denied is None), case.name


@given(value=st.binary(max_size=60))
def test_any_bytes_are_denied(value: bytes) -> None:
    assert judge(KEY, HEADERS, value).denied


def test_a_reader_that_knows_more_uses_what_demands_more() -> None:
    assert judge(KEY, HEADERS, written(requires=2), known=2).denied is None


def judged(event: Event, key: str | None = None) -> tuple[StateRecord | None, str | None]:
    name = key or event.record_key()
    message = new_message(event, source="catalog", key=name, sequence=1, clock=ManualClock())
    verdict = judge(name.encode(), message.headers(), message.payload)
    return verdict.record, verdict.denied


def a_set(track_visibility: str | None) -> MusicSetState:
    media = Attached(asset_id=ASSET)
    track = Track(track_id=SOMETHING, media=media, title="t", visibility=track_visibility)
    return MusicSetState(
        set_id=SOMETHING,
        user_id=SOMEBODY,
        visibility="public",
        created_at=NOW,
        title="s",
        tracks=(track,),
    )


@pytest.mark.parametrize("visibility", [None, "owner", "public", "circle"])
def test_a_set_is_used_when_all_its_tracks_can_be_judged(visibility: str | None) -> None:
    assert judged(a_set(visibility)) == (a_set(visibility), None)


def test_one_track_with_an_unknown_visibility_denies_the_whole_set() -> None:
    assert judged(a_set("friends")) == (None, "unknown_visibility")


def test_the_tombstone_of_a_relation_still_says_who_and_whom() -> None:
    block = BlockState(user_id=SOMEBODY, blocked_id=SOMETHING, since=NOW)
    assert judged(block) == (block, None)
    gone = tombstone(
        CATALOG_STATE,
        type=BlockState.TYPE,
        source="catalog",
        key=block.record_key(),
        sequence=2,
        clock=ManualClock(),
    )
    verdict = judge(gone.key.encode(), gone.headers(), None)
    assert (verdict.entity, verdict.id) == ("block", f"{SOMEBODY}/{SOMETHING}")
    assert verdict.gone


def test_a_record_under_a_key_that_is_not_its_own_is_denied() -> None:
    block = BlockState(user_id=SOMEBODY, blocked_id=SOMETHING, since=NOW)
    assert judged(block, f"block/{SOMETHING}/{SOMEBODY}") == (None, "wrong_key")


def test_a_fact_is_no_state() -> None:
    assert judged(ObjectPurged(asset_id=ASSET, key="k", reason="r"), "asset/1") == (
        None,
        "unknown_type",
    )


def test_no_word_that_was_ever_written_is_forgotten() -> None:
    assert {"audio", "image", "video", "avatar"} <= KINDS
    assert {"public", "circle", "owner"} <= VISIBILITIES
    assert {"uploading", "stored", "processing", "ready", "failed"} <= ASSET_STATES
    assert {"abandoned", "deleted", "purging", "purged"} <= ASSET_STATES


def test_an_entity_nobody_knows_is_denied() -> None:
    headers = [(n, b"reprise.state.hologram.v1" if n == "ce_type" else v) for n, v in HEADERS]
    verdict = judge(b"hologram/7", headers, json.dumps({"requires": 1}).encode())
    assert (verdict.entity, verdict.denied) == ("hologram", "unknown_type")
