"""RFC 9110 13: what each precondition says, and which one is asked first."""

from datetime import UTC, datetime

import pytest

from delivery.domain.conditions import Outcome, Validators, evaluate, range_applies

CHANGED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SAME = "Sun, 01 Mar 2026 12:00:00 GMT"
BEFORE = "Sun, 01 Mar 2026 11:59:59 GMT"
AFTER = "Sun, 01 Mar 2026 12:00:01 GMT"
VERSION = Validators("abc-3", CHANGED)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({}, "send"),
        ({"if-none-match": '"abc-3"'}, "not_modified"),
        ({"if-none-match": 'W/"abc-3"'}, "not_modified"),
        ({"if-none-match": "*"}, "not_modified"),
        ({"if-none-match": '"x", W/"abc-3"'}, "not_modified"),
        ({"if-none-match": '"x,y", "abc-3"'}, "not_modified"),
        ({"if-none-match": ' , "x",, "abc-3" ,'}, "not_modified"),
        ({"if-none-match": '"x"'}, "send"),
        ({"if-none-match": '"ABC-3"'}, "send"),
        ({"if-none-match": "abc-3"}, "send"),
        ({"if-none-match": 'w/"abc-3"'}, "send"),
        ({"if-none-match": ""}, "send"),
        ({"if-modified-since": SAME}, "not_modified"),
        ({"if-modified-since": AFTER}, "not_modified"),
        ({"if-modified-since": BEFORE}, "send"),
        ({"if-modified-since": "yesterday"}, "send"),
        # an entity tag makes the date count for nothing
        ({"if-none-match": '"x"', "if-modified-since": SAME}, "send"),
        ({"if-match": '"abc-3"'}, "send"),
        ({"if-match": "*"}, "send"),
        ({"if-match": 'W/"abc-3"'}, "failed"),
        ({"if-match": '"x"'}, "failed"),
        ({"if-match": '"x", "abc-3"'}, "send"),
        ({"if-unmodified-since": BEFORE}, "failed"),
        ({"if-unmodified-since": SAME}, "send"),
        ({"if-match": '"abc-3"', "if-unmodified-since": BEFORE}, "send"),
        ({"if-match": '"abc-3"', "if-none-match": '"abc-3"'}, "not_modified"),
        ({"if-match": '"x"', "if-none-match": '"abc-3"'}, "failed"),
    ],
)
def test_preconditions_are_judged_in_the_order_of_the_rfc(
    headers: dict[str, str], outcome: Outcome
) -> None:
    assert evaluate(headers, VERSION) == outcome


@pytest.mark.parametrize(
    ("header", "stands"),
    [
        (None, True),
        ('"abc-3"', True),
        ('W/"abc-3"', False),
        ('"x"', False),
        ("abc-3", False),
        ('"abc-3", "x"', False),
        ("*", False),
        (SAME, True),
        (AFTER, False),
        (BEFORE, False),
        ("", False),
    ],
)
def test_if_range_compares_strongly(header: str | None, stands: bool) -> None:
    assert range_applies(header, VERSION) is stands


def test_dates_say_nothing_where_no_time_of_change_is_known() -> None:
    timeless = Validators("abc", None)
    assert evaluate({"if-modified-since": SAME}, timeless) == "send"
    assert evaluate({"if-unmodified-since": SAME}, timeless) == "send"
    assert not range_applies(SAME, timeless)
