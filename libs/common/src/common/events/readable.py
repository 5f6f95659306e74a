"""Deny what you do not know: the one rule by which every reader of state judges a record.

Nothing of a denied entity is shown to anybody until a newer version reads it; what that means for a
block, a preference or a viewer's epoch is said at their models. The reader counts it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from common.errors import Corrupt
from common.events.codec import EVENT_TYPES, decode_value
from common.events.envelope import attributes, sequence_of
from common.events.model import Part, StateRecord
from common.events.upcasters import last_type
from common.events.v1.catalog_state import STATE_VERSION
from common.events.v1.fields import ASSET_STATES, KINDS, VISIBILITIES

Denial = Literal[
    "unknown_type",
    "requires",
    "unreadable",
    "wrong_key",
    "unknown_kind",
    "unknown_state",
    "unknown_visibility",
]
_WORDS: Mapping[str, tuple[frozenset[str], Denial]] = {
    "kind": (KINDS, "unknown_kind"),
    "state": (ASSET_STATES, "unknown_state"),
    "visibility": (VISIBILITIES, "unknown_visibility"),
}


class _Demand(Part):
    requires: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one record of a state topic means.

    It counts only if `sequence` is higher than the last one applied to this entity. `record` is set
    when it may be used; else `denied` says why not, or both are None: the entity is gone for good.
    """

    entity: str
    id: str
    sequence: int
    record: StateRecord | None = None
    denied: Denial | None = None

    @property
    def gone(self) -> bool:
        """A tombstone: keep a row that says so, or a late record of it would bring it back."""
        return self.record is None and self.denied is None


def judge(
    key: bytes,
    headers: Iterable[tuple[str, bytes | None]],
    value: bytes | None,
    *,
    known: int = STATE_VERSION,
) -> Verdict:
    """Judge a record of media.catalog-state.v1; `known` is the reader's version.

    Raises Corrupt (`bad_envelope`) when the record does not say which entity it is about or after
    which other record it stands: it changes nothing, and is counted.
    """
    said = attributes(headers)
    try:
        entity, _, ident = key.decode("ascii").partition("/")
        sequence = sequence_of(said["ce_sequence"])
    except (KeyError, ValueError) as error:
        raise Corrupt("a state record without key or sequence", code="bad_envelope") from error
    if value is None:
        return Verdict(entity, ident, sequence)
    found = _record(said.get("ce_type", ""), entity, value, known)
    if isinstance(found, StateRecord):
        wrong = denial(found, known=known) or _misplaced(found, key)
        return Verdict(entity, ident, sequence, record=None if wrong else found, denied=wrong)
    return Verdict(entity, ident, sequence, denied=found)


def denial(record: StateRecord, *, known: int = STATE_VERSION) -> Denial | None:
    """Why a reader of version `known` must deny this entity, or None when it may use the record."""
    if getattr(record, "requires", 1) > known:
        return "requires"
    return next(_unknown_words(record), None)


def _record(name: str, entity: str, value: bytes, known: int) -> StateRecord | Denial:
    model = EVENT_TYPES.get(last_type(name))
    if model is None or model.KEY.partition("/")[0] != entity:
        return "unknown_type"
    try:
        event = decode_value(name, value)
    except Corrupt:
        # a record for newer readers may have changed every other field
        return "requires" if _demand(value) > known else "unreadable"
    return event if isinstance(event, StateRecord) else "unknown_type"


def _demand(value: bytes) -> int:
    try:
        return _Demand.model_validate_json(value, strict=True).requires
    except ValidationError:
        return 0


def _misplaced(record: StateRecord, key: bytes) -> Denial | None:
    """A record under another entity's key says nothing of that entity."""
    return None if record.record_key().encode() == key else "wrong_key"


def _unknown_words(record: StateRecord) -> Iterator[Denial]:
    for name, (words, reason) in _WORDS.items():
        value = getattr(record, name, None)
        if value is not None and value not in words:
            yield reason
    # one track with an unknown visibility denies its whole set
    for track in getattr(record, "tracks", ()):
        if track.visibility is not None and track.visibility not in VISIBILITIES:
            yield "unknown_visibility"
