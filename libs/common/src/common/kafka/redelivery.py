"""What a consumer does about each kind of error (for HTTP: common.web.problems)."""

from typing import Literal

from common.errors import (
    Conflict,
    Corrupt,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Rejected,
    RepriseError,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedType,
)

Verdict = Literal["retry", "dead_letter"]

# retry: in place, as often as it takes; the partition waits. dead_letter: no later try can succeed.
REDELIVERY: dict[type[RepriseError], Verdict] = {
    Unavailable: "retry",
    Throttled: "retry",
    Conflict: "retry",
    Corrupt: "dead_letter",
    Invalid: "dead_letter",
    Rejected: "dead_letter",
    NotFound: "dead_letter",
    Gone: "dead_letter",
    TooLarge: "dead_letter",
    UnsupportedType: "dead_letter",
    Forbidden: "dead_letter",
    Unauthenticated: "dead_letter",
}


def verdict(error: RepriseError) -> Verdict:
    """The row of the nearest kind; an error of no listed kind is permanent."""
    for kind in type(error).__mro__:
        if kind in REDELIVERY:
            return REDELIVERY[kind]
    return "dead_letter"
