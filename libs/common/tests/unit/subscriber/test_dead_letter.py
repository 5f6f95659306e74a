from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.errors import Corrupt
from common.events.record import SourceRecord
from common.subscriber.dead_letter import DeadLetter, Why, read_dead_letter
from common.subscriber.error_text import MAX_TRACEBACK, scrubbed_traceback

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ID = b"0195d4a0-0000-7000-8000-000000000001"
RECORD = SourceRecord(
    "media.uploads.v1", 3, 41, 1_760_000_000_000, b"k", (("ce_id", ID), ("x", b"\xff")), b"{}"
)


def why(error: BaseException | None = None, detail: str = "d") -> Why:
    return Why.of("catalog.uploads", "boom", detail, NOW, attempts=5, error=error)


def copy(of: SourceRecord, reason: Why, *, offset: int = 7) -> DeadLetter:
    headers = tuple(reason.headers(of))
    kept = SourceRecord("t.g.dlq", 0, offset, 1_770_000_000_000, of.key, headers, of.value)
    return read_dead_letter(kept, reason.group)


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    def throw() -> None:
        raise error from cause

    try:
        throw()
    except type(error):
        return error
    raise AssertionError


def test_what_is_written_is_read_back() -> None:
    error = raised(RuntimeError("surprise"), raised(KeyError("lost")))
    letter = copy(RECORD, why(error))
    assert letter.record == RECORD
    assert letter.why == why(error)
    assert (letter.why.error, letter.why.cause) == ("RuntimeError", "KeyError")
    assert (letter.why.attempts, letter.why.at, letter.offset) == (5, NOW, 7)
    assert "RuntimeError: surprise" in letter.why.traceback
    assert letter.why.traceback.index("KeyError: 'lost'") < letter.why.traceback.index("surprise")


def test_a_foreseen_refusal_needs_no_traceback() -> None:
    told = why(raised(Corrupt("it contradicts itself", code="impossible")))
    assert told.error == "common.errors.Corrupt"
    assert "dlq_traceback" not in dict(told.headers(RECORD))


def test_values_and_tokens_stay_out_of_the_reason() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.canary-canary.canary"
    error = raised(ValueError(f"bad {token}\nDETAIL: Key (title)=(canary) exists"))
    told = why(error, detail=f"https://h/m/k?t={token}")
    assert b"canary" not in b"".join(value or b"" for _, value in told.headers(RECORD))


def test_a_long_traceback_keeps_its_end() -> None:
    def deep(n: int) -> None:
        if n == 0:
            raise ValueError("é" * 20_000)
        deep(n - 1)

    with pytest.raises(ValueError, match="é") as caught:
        deep(100)
    text = scrubbed_traceback(caught.value)
    assert len(text.encode()) <= MAX_TRACEBACK
    assert text.endswith("é")


def test_brief_leaves_out_what_may_be_long_and_keeps_the_place() -> None:
    told = dict(why(raised(RuntimeError("x"))).headers(RECORD, brief=True))
    assert {"dlq_topic", "dlq_partition", "dlq_offset", "dlq_group", "dlq_reason"} <= told.keys()
    assert not {"dlq_detail", "dlq_cause", "dlq_traceback"} & told.keys()


def test_copies_of_a_record_have_one_name_whatever_became_of_its_bytes() -> None:
    edited = SourceRecord(*RECORD_FIELDS[:5], (("ce_id", ID),), b'{"other": 1}')
    names = {copy(RECORD, why()).digest, copy(RECORD, why(), offset=9).digest}
    assert names == {copy(edited, why()).digest}


RECORD_FIELDS = (
    RECORD.topic,
    RECORD.partition,
    RECORD.offset,
    RECORD.timestamp,
    RECORD.key,
)


def test_what_two_groups_gave_up_has_two_names() -> None:
    other = replace(why(), group="janitor.uploads")
    assert copy(RECORD, why()).digest != copy(RECORD, other).digest


def test_another_record_at_the_same_place_has_another_name() -> None:
    reborn = SourceRecord(*RECORD_FIELDS, (("ce_id", ID[:-1] + b"2"),), b"{}")
    nameless = SourceRecord(*RECORD_FIELDS, (), b"{}")
    other = SourceRecord(*RECORD_FIELDS, (), b"[]")
    assert len({copy(one, why()).digest for one in (RECORD, reborn, nameless, other)}) == 4


def test_a_dead_letter_that_others_wrote_is_shown_with_what_there_is() -> None:
    headers = (("dlq_partition", b"\xff"), ("dlq_at", b"noon"), ("dlq_attempts", "²".encode()))
    found = read_dead_letter(SourceRecord("t.dlq", 0, 5, -1, None, headers, None), "g")
    assert (found.record.topic, found.record.partition, found.why.reason) == ("t.dlq", 0, "unknown")
    assert found.why.at == found.kept_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert found.why.attempts == 1
    assert found.envelope is None


def test_a_time_without_a_zone_is_not_believed() -> None:
    headers = (("dlq_at", b"2026-01-01T00:00:00"),)
    found = read_dead_letter(SourceRecord("t.dlq", 0, 5, 1000, None, headers, None), "g")
    assert found.why.at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=1)
