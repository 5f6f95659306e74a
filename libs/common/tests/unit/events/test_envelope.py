import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Corrupt
from common.events import EVENT_TYPES, Envelope, decode
from common.events.envelope import OURS, from_headers
from common.ids import EventId

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
).map(lambda value: json.dumps(value).encode())
ENVELOPES = st.builds(
    Envelope,
    id=st.uuids().map(EventId),
    source=TEXT,
    type=TEXT,
    time=st.datetimes(
        min_value=datetime(2000, 1, 1),  # noqa: DTZ001  (hypothesis adds the zone)
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]),
    ),
    subject=TEXT,
    sequence=st.integers(1, 2**62),
    correlation_id=st.none() | TEXT,
    causation_id=st.none() | TEXT,
    traceparent=st.none() | TEXT,
)
GOOD = Envelope(
    EventId(UUID(int=7)), "catalog", "some.type.v1", datetime(2026, 1, 1, tzinfo=UTC), "s", 1
)


@given(envelope=ENVELOPES)
def test_an_envelope_survives_its_headers(envelope: Envelope) -> None:
    assert from_headers(envelope.to_headers()) == envelope


@given(name=TEXT, value=st.binary(max_size=40) | st.none())
def test_a_foreign_header_harms_nothing(name: str, value: bytes | None) -> None:
    assert from_headers([(f"x-{name}", value), *GOOD.to_headers()]) == GOOD


@pytest.mark.parametrize("value", [b"\xff\xfe", b"with\0nul", None])
@pytest.mark.parametrize("name", ["ce_correlationid", "ce_causationid", "traceparent"])
def test_an_optional_header_that_is_no_text_loses_itself_and_not_the_record(
    name: str, value: bytes | None
) -> None:
    assert from_headers([(name, value), *GOOD.to_headers()]) == GOOD


@given(
    foreign=st.lists(
        st.tuples(TEXT.filter(lambda name: name not in OURS), st.none() | st.binary(max_size=40))
    ),
    places=st.randoms(use_true_random=False),
)
def test_headers_that_are_not_ours_change_nothing_wherever_they_stand(
    foreign: list[tuple[str, bytes | None]], places: Random
) -> None:
    headers: list[tuple[str, bytes | None]] = [*foreign, *GOOD.to_headers()]
    places.shuffle(headers)
    assert from_headers(headers) == GOOD


@given(
    doubles=st.lists(
        st.tuples(st.sampled_from(sorted(OURS)), st.none() | st.binary(max_size=40)), max_size=20
    )
)
def test_what_is_appended_under_our_names_changes_nothing_that_was_said(
    doubles: list[tuple[str, bytes | None]],
) -> None:
    full = replace(GOOD, correlation_id="c", causation_id="d", traceparent="t")
    assert from_headers([*full.to_headers(), *doubles]) == full


@given(
    changes=st.dictionaries(st.sampled_from(sorted(OURS)), st.none() | st.binary(max_size=20)),
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=60) | JSON,
    name=st.sampled_from([*sorted(EVENT_TYPES), "some.type.v1"]),
)
def test_whatever_the_bytes_are_a_record_is_read_or_corrupt(
    changes: dict[str, bytes | None], key: bytes | None, value: bytes | None, name: str
) -> None:
    given_headers = dict(replace(GOOD, type=name).to_headers()) | changes
    with suppress(Corrupt):
        received = decode(key, list(given_headers.items()), value)
        assert "\0" not in received.key
        assert received.event is None or value is not None


def test_a_time_without_a_zone_is_corrupt_before_anybody_compares_it() -> None:
    naive = [(k, b"2026-01-01T00:00:00" if k == "ce_time" else v) for k, v in GOOD.to_headers()]
    with pytest.raises(Corrupt):
        from_headers(naive)


@pytest.mark.parametrize(
    "name", ["ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_sequence"]
)
def test_a_record_without_an_attribute_we_need_is_corrupt(name: str) -> None:
    with pytest.raises(Corrupt) as bad:
        from_headers([pair for pair in GOOD.to_headers() if pair[0] != name])
    assert bad.value.code == "bad_envelope"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_id", b"7"),
        ("ce_id", b"\xff"),
        ("ce_id", None),
        ("ce_subject", b"with\0nul"),
        ("ce_time", b"yesterday"),
        ("ce_sequence", b"one"),
        ("ce_sequence", b"0"),
        ("ce_sequence", b"-1"),
        ("ce_sequence", b"1_000"),
        ("ce_sequence", "٧".encode()),
        ("ce_sequence", b"9223372036854775808"),
        ("ce_sequence", b"9" * 5000),
        ("ce_sequence", None),
    ],
)
def test_a_malformed_attribute_is_corrupt(name: str, value: bytes | None) -> None:
    with pytest.raises(Corrupt) as bad:
        from_headers([(k, value if k == name else v) for k, v in GOOD.to_headers()])
    assert bad.value.code == "bad_envelope"


def test_of_two_values_the_first_usable_one_counts() -> None:
    doubled = [("ce_sequence", b"\xff"), *GOOD.to_headers(), ("ce_sequence", b"99")]
    assert from_headers(doubled).sequence == GOOD.sequence


@pytest.mark.parametrize(
    "content_type", [b"application/cloudevents+json", b" Application/CloudEvents; charset=utf-8"]
)
def test_an_event_in_structured_mode_is_refused_by_its_name(content_type: bytes) -> None:
    with pytest.raises(Corrupt) as bad:
        decode(b"k", [("content-type", content_type)], b'{"specversion":"1.0"}')
    assert bad.value.code == "structured_mode"


def test_an_unknown_type_is_told_apart_from_a_bad_value() -> None:
    received = decode(b"k", GOOD.to_headers(), b"{}")
    assert received.unknown
    assert received.event is None


def test_a_tombstone_has_no_event_and_is_not_unknown() -> None:
    received = decode(b"k", GOOD.to_headers(), None)
    assert (received.event, received.unknown) == (None, False)


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b'{"service":"canary"}', b"\xff", b"{"])
def test_a_value_its_model_refuses_is_corrupt_and_not_repeated(value: bytes) -> None:
    headers = replace(GOOD, type="reprise.watermark.v1").to_headers()
    with pytest.raises(Corrupt) as bad:
        decode(b"k", headers, value)
    assert bad.value.code == "bad_payload"
    assert "canary" not in str(bad.value)


def test_the_name_of_a_bad_tag_is_not_repeated() -> None:
    value = {"asset_id": str(UUID(int=7)), "tags": {"canary": 1}}
    headers = replace(GOOD, type="reprise.details.media.v1").to_headers()
    with pytest.raises(Corrupt) as bad:
        decode(b"k", headers, json.dumps(value).encode())
    assert bad.value.detail == "reprise.details.media.v1: bad tags"


@pytest.mark.parametrize("number", ['"3"', "3.0", "true"])
def test_a_number_is_a_number_and_nothing_like_one(number: str) -> None:
    golden = {"user_id": str(UUID(int=7)), "assets": 0, "objects": 0}
    text = json.dumps(golden).replace('"objects": 0', f'"objects": {number}')
    headers = replace(GOOD, type="reprise.purge.subject-erased.v1").to_headers()
    with pytest.raises(Corrupt):
        decode(b"k", headers, text.encode())


@pytest.mark.parametrize("key", [None, b"\xff", b"a\0b"])
def test_a_key_no_column_could_hold_is_read_as_text_that_one_can(key: bytes | None) -> None:
    assert "\0" not in decode(key, GOOD.to_headers(), None).key
