from itertools import product

import pytest

from catalog.domain.states import DEAD, LIVING, NEEDS_REASON, State, check_move
from common.errors import Corrupt

S = State
# the whole table, written out once more so that an edit on one side alone is noticed
LEGAL = {
    (S.UPLOADING, S.STORED, None),
    (S.UPLOADING, S.PURGING, "duplicate"),
    (S.UPLOADING, S.ABANDONED, "aborted"),
    (S.STORED, S.PROCESSING, None),
    (S.PROCESSING, S.READY, None),
    (S.PROCESSING, S.FAILED, "unreadable"),
    (S.FAILED, S.PROCESSING, None),
    *((state, S.DELETED, None) for state in LIVING),
    *((S.DELETED, state, "why" if state is S.FAILED else None) for state in LIVING),
    *((state, S.PURGING, "flagged") for state in LIVING),
    (S.DELETED, S.PURGING, "deleted"),
    (S.PURGING, S.PURGED, "deleted"),
}
ILLEGAL = set(product(State, State)) - {(before, after) for before, after, _ in LEGAL}


@pytest.mark.req("CAT-13")
@pytest.mark.parametrize(("before", "after", "reason"), sorted(LEGAL, key=str))
def test_a_legal_transition_is_allowed(before: State, after: State, reason: str | None) -> None:
    check_move(before, after, reason)


@pytest.mark.req("CAT-13")
@pytest.mark.parametrize(("before", "after"), sorted(ILLEGAL))
def test_any_other_transition_is_refused(before: State, after: State) -> None:
    with pytest.raises(Corrupt, match="never goes"):
        check_move(before, after, "reason")


@pytest.mark.req("CAT-13")
@pytest.mark.parametrize("reason", [None, ""])
@pytest.mark.parametrize(
    ("before", "after"),
    sorted({(before, after) for before, after, _ in LEGAL if after in NEEDS_REASON}),
)
def test_an_ending_without_a_reason_is_refused(
    before: State, after: State, reason: str | None
) -> None:
    with pytest.raises(Corrupt, match="needs a reason"):
        check_move(before, after, reason)


@pytest.mark.parametrize("before", sorted(LIVING | {S.UPLOADING}))
def test_only_a_flag_or_a_double_leads_past_the_grace(before: State) -> None:
    with pytest.raises(Corrupt, match="purged at once"):
        check_move(before, S.PURGING, "deleted")


def test_every_state_is_living_dead_or_still_uploading() -> None:
    assert LIVING | DEAD | {S.UPLOADING} == set(State)
    assert not LIVING & DEAD
