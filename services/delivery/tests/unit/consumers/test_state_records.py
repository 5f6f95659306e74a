"""The fast reading of state records agrees with the contract, and denies what it cannot judge."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from services.delivery.tests.media import MEMBER, OWNER, an_asset, state_of

from common.clock import SystemClock
from common.events import EpochState, Event, Watermark, judge, new_message, tombstone
from common.events.topics import CATALOG_STATE
from common.events.v1 import fields
from common.ids import new_asset_id, new_event_id
from common.subscriber.state import RawRecord
from common.testing.clock import START
from common.testing.state_records import ANONYMOUS, CASES, SPOILT, Case
from delivery.consumers.state_records import Skipped, asset_change, epoch_of, watermark_of
from delivery.domain.media import (
    KINDS,
    STATES,
    VISIBILITIES,
    Asset,
    Change,
    DeniedAsset,
    GoneAsset,
)

GOLDEN = Path(__file__).parents[5] / "libs" / "common" / "tests" / "contract" / "golden"

ASSET = an_asset(visibility="circle", members=(MEMBER, OWNER), renditions=("original", "mp3-192"))


def raw(event: Event, key: str, sequence: int = 7) -> RawRecord:
    message = new_message(event, source="catalog", key=key, sequence=sequence, clock=SystemClock())
    return RawRecord(0, key.encode(), message.headers(), message.payload)


def asset_record(**changes: object) -> RawRecord:
    return raw(state_of(ASSET, **changes), f"asset/{ASSET.asset_id}")


def patched(**fields: Any) -> RawRecord:
    """The record as a newer catalog might write it: fields our model does not know or allow."""
    record = asset_record()
    value = json.loads(record.value or b"{}") | fields
    return RawRecord(0, record.key, record.headers, json.dumps(value).encode())


def test_both_readings_of_a_record_agree() -> None:
    assert asset_change(asset_record()) == Change(7, ASSET)


def test_a_tombstone_is_a_gone_asset_with_its_sequence() -> None:
    key = f"asset/{ASSET.asset_id}"
    message = tombstone(
        CATALOG_STATE,
        type="reprise.state.asset.v1",
        source="catalog",
        key=key,
        sequence=9,
        clock=SystemClock(),
    )
    record = RawRecord(0, key.encode(), message.headers(), None)
    assert asset_change(record) == Change(9, GoneAsset(ASSET.asset_id))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"requires": 2}, "requires"),
        ({"requires": 99, "objects": "anything"}, "requires"),
        ({"kind": "hologram"}, "unknown_kind"),
        ({"state": "frozen"}, "unknown_state"),
        ({"visibility": "friends-of-friends"}, "unknown_visibility"),
        ({"generation": "two"}, "unreadable"),
        ({"generation": 2**63}, "unreadable"),
        ({"objects": [{}]}, "unreadable"),
        ({"user_id": "nobody"}, "unreadable"),
    ],
)
def test_what_this_version_cannot_judge_is_denied(fields: dict[str, Any], reason: str) -> None:
    assert asset_change(patched(**fields)) == Change(7, DeniedAsset(ASSET.asset_id, reason))


def test_a_type_this_version_does_not_know_is_denied() -> None:
    record = asset_record()
    headers = [(n, b"reprise.state.asset.v2" if n == "ce_type" else v) for n, v in record.headers]
    changed = RawRecord(0, record.key, headers, record.value)
    assert asset_change(changed) == Change(7, DeniedAsset(ASSET.asset_id, "unknown_type"))


def test_unknown_fields_are_ignored() -> None:
    assert asset_change(patched(mood="blue")) == Change(7, ASSET)


@pytest.mark.parametrize("key", [b"image/1", b"meta/epoch", b"circle/x", b""])
def test_records_of_other_entities_are_skipped(key: bytes) -> None:
    record = asset_record()
    assert asset_change(RawRecord(0, key, record.headers, record.value)) == Skipped()


def test_a_record_without_a_usable_key_or_sequence_is_counted() -> None:
    record = asset_record()
    for broken in (
        RawRecord(0, b"asset/not-an-id", record.headers, record.value),
        RawRecord(0, b"asset/\xff", record.headers, record.value),
        RawRecord(0, record.key, [], record.value),
    ):
        assert asset_change(broken) == Skipped("bad_envelope")


def test_the_epoch_is_read_from_its_own_record_only() -> None:
    epoch = UUID(int=new_event_id().int)
    assert epoch_of(raw(EpochState(epoch=epoch), "meta/epoch")) == epoch
    assert epoch_of(raw(EpochState(epoch=epoch), f"asset/{new_asset_id()}")) is None
    assert epoch_of(RawRecord(0, b"meta/epoch", [], None)) is None
    assert epoch_of(RawRecord(0, b"meta/epoch", [], b"{")) is None


def test_only_the_named_services_watermark_counts() -> None:
    mark = raw(Watermark(service="catalog", at=START), "catalog")
    assert watermark_of(mark, "catalog") == START
    assert watermark_of(mark, "janitor") is None
    assert watermark_of(RawRecord(0, b"catalog", [], b"nonsense"), "catalog") is None
    assert watermark_of(RawRecord(0, b"catalog", [], None), "catalog") is None


def change_of(case: Case) -> Change | Skipped:
    # aiokafka types header values as bytes; on the wire they may be null
    return asset_change(RawRecord(0, case.key, case.headers, case.value))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_fast_reading_reaches_the_common_verdict(case: Case) -> None:
    change = change_of(case)
    assert isinstance(change, Change)
    assert change.sequence == 7
    denied = change.entry.reason if isinstance(change.entry, DeniedAsset) else None
    assert denied == case.denied
    assert isinstance(change.entry, GoneAsset) == (case.value is None)


@pytest.mark.parametrize("case", ANONYMOUS, ids=lambda case: case.name)
def test_what_says_neither_what_nor_when_changes_nothing_here_either(case: Case) -> None:
    assert change_of(case) == Skipped("bad_envelope")


READ_HERE = {"requires", "objects", *Asset.__dataclass_fields__} - {"owner"} | {"user_id"}
NOT_READ_HERE = {"sha256", "width", "height", "bit_rate"}


def test_the_fast_reading_is_never_more_generous_in_what_it_reads() -> None:
    for case in SPOILT:
        field = case.name.split("=")[0]
        if field not in READ_HERE and not field.startswith("objects."):
            continue
        if field.removeprefix("objects.") in NOT_READ_HERE:
            continue
        verdict, change = judge(case.key, case.headers, case.value), change_of(case)
        assert isinstance(change, Change)
        if verdict.denied:
            assert isinstance(change.entry, DeniedAsset), case.name


def test_this_reader_and_the_contract_know_the_same_words() -> None:
    words = (fields.KINDS, fields.ASSET_STATES, fields.VISIBILITIES)
    assert words == (KINDS, STATES, VISIBILITIES)


def test_every_golden_of_an_asset_is_read_here() -> None:
    for path in sorted(GOLDEN.glob("*.json")):
        golden = json.loads(path.read_text("utf-8"))
        if golden["key"].startswith("asset/"):
            headers = [(name, value.encode()) for name, value in golden["headers"].items()]
            value = json.dumps(golden["value"]).encode()
            change = asset_change(RawRecord(0, golden["key"].encode(), headers, value))
            assert isinstance(change, Change)
            assert isinstance(change.entry, Asset), path.name
