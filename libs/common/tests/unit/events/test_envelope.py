from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Corrupt
from common.events import Envelope, decode
from common.events.envelope import from_headers
from common.ids import EventId

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
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


def test_a_header_that_is_no_text_loses_itself_and_not_the_record() -> None:
    broken = [
        *GOOD.to_headers(),
        ("ce_correlationid", b"\xff\xfe"),
        ("x-raw", b"\x80"),
        ("n", None),
    ]
    envelope = from_headers(broken)
    assert (envelope.id, envelope.correlation_id) == (GOOD.id, "\ufffd\ufffd")


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
        ("ce_time", b"yesterday"),
        ("ce_sequence", b"one"),
        ("ce_sequence", None),
    ],
)
def test_a_malformed_attribute_is_corrupt(name: str, value: bytes | None) -> None:
    with pytest.raises(Corrupt):
        from_headers([*GOOD.to_headers(), (name, value)])


def test_an_unknown_type_is_told_apart_from_a_bad_value() -> None:
    received = decode(b"k", GOOD.to_headers(), b"{}")
    assert received.unknown
    assert received.event is None


def test_a_tombstone_has_no_event_and_is_not_unknown() -> None:
    received = decode(b"k", GOOD.to_headers(), None)
    assert (received.event, received.unknown) == (None, False)


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b'{"service":"canary"}', b"\xff", b"{"])
def test_a_value_its_model_refuses_is_corrupt_and_not_repeated(value: bytes) -> None:
    headers = [*GOOD.to_headers(), ("ce_type", b"reprise.watermark.v1")]
    with pytest.raises(Corrupt) as bad:
        decode(b"k", headers, value)
    assert bad.value.code == "bad_payload"
    assert "canary" not in str(bad.value)
