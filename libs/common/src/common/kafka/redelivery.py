"""What a consumer does about each kind of error (for HTTP: common.web.problems)."""

from typing import Literal

from common.errors import (
    Conflict,
    Corrupt,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    NotYet,
    Rejected,
    RepriseError,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedType,
)

Verdict = Literal["retry", "park", "dead_letter"]

# retry: in place, as often as it takes; the partition waits, for nothing behind it would fare
# better. park: the key waits in a row and the partition goes on. dead_letter: no later try can
# succeed.
REDELIVERY: dict[type[RepriseError], Verdict] = {
    Unavailable: "retry",
    Throttled: "retry",
    Conflict: "park",
    NotYet: "park",
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


def is_failure(error: BaseException) -> bool:
    """Whether it speaks against the consumer itself, so that its fuse counts it.

    Waiting for another topic, or for a newer version, does not: where topics are read again from
    their beginning, whole stretches of one come before what they depend on. A gap within a topic
    never comes by itself.
    """
    return not isinstance(error, NotYet) or error.code == "sequence_gap"
