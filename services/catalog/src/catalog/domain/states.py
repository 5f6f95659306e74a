"""The life of an asset as a table: what may follow what, and which endings must say why."""

from enum import StrEnum

from common.errors import Corrupt


class State(StrEnum):
    """Where an asset stands."""

    UPLOADING = "uploading"
    STORED = "stored"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    DELETED = "deleted"
    PURGING = "purging"
    PURGED = "purged"
    ABANDONED = "abandoned"


LIVING = frozenset({State.STORED, State.PROCESSING, State.READY, State.FAILED})
DEAD = frozenset({State.DELETED, State.PURGING, State.PURGED, State.ABANDONED})
NEEDS_REASON = frozenset({State.FAILED, State.PURGING, State.PURGED, State.ABANDONED})

DUPLICATE, FLAGGED, DELETED_FOR_GOOD = "duplicate", "flagged", "deleted"

TRANSITIONS: dict[State, frozenset[State]] = {
    State.UPLOADING: frozenset({State.STORED, State.PURGING, State.ABANDONED}),
    State.STORED: frozenset({State.PROCESSING, State.DELETED, State.PURGING}),
    State.PROCESSING: frozenset({State.READY, State.FAILED, State.DELETED, State.PURGING}),
    State.READY: frozenset({State.DELETED, State.PURGING}),
    State.FAILED: frozenset({State.PROCESSING, State.DELETED, State.PURGING}),
    State.DELETED: LIVING | {State.PURGING},
    State.PURGING: frozenset({State.PURGED}),
    State.PURGED: frozenset(),
    State.ABANDONED: frozenset(),
}

# the two ways past the grace: bytes that are a double, and bytes nobody may keep
_STRAIGHT_TO_PURGING = {State.UPLOADING: DUPLICATE, **dict.fromkeys(LIVING, FLAGGED)}


def check_move(before: State, after: State, reason: str | None) -> None:
    """Refuse a move the table does not have, or an ending without its reason.

    Raises Corrupt: whoever asks for such a move has a defect, and the row stays as it was.
    """
    if after not in TRANSITIONS[before]:
        raise Corrupt(f"an asset never goes from {before} to {after}", code="illegal_transition")
    if after in NEEDS_REASON and not reason:
        raise Corrupt(f"{after} needs a reason", code="illegal_transition")
    allowed = _STRAIGHT_TO_PURGING.get(before)
    if after is State.PURGING and allowed and reason != allowed:
        raise Corrupt(f"{before} is purged at once only as {allowed}", code="illegal_transition")
