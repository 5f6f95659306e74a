"""A dead letter as text, to be looked at and to be mended."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.errors import Corrupt, Invalid
from common.events import EVENT_TYPES, decode
from common.events.envelope import Envelope, from_headers
from common.events.record import SourceRecord
from common.telemetry.scrub import SCRUBBED

_MAX_BYTES = 900_000  # what the outbox takes as well


@dataclass(frozen=True, slots=True)
class Mended:
    """A record as it is handed back, and what the audit says of its changes; no values."""

    record: SourceRecord
    envelope: Envelope
    audit: Mapping[str, object]


def readable(value: bytes | None) -> object:
    """The value as JSON, else as text, else as base64."""
    if value is None:
        return None
    try:
        return json.loads(value)
    except ValueError:
        return _text(value)


def readable_headers(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, object]:
    """By name; the last of a name counts, as it does for consumers."""
    return {name: _text(value) for name, value in headers}


def mend(original: SourceRecord, file: Path) -> Mended:
    """The record with the `value`, and the `headers` if any, of a file that `dlq show --json` made.

    Raises Invalid, saying what is wrong with it: the id of an event stays what it was, and the
    content must be what its type's model takes, without members that it does not know.
    """
    given = _read(file)
    headers = _headers(original.headers, given.get("headers", {}))
    value = original.value
    if given["value"] != readable(original.value):
        value = json.dumps(given["value"], separators=(",", ":")).encode()
    mended = replace(original, headers=headers, value=value)
    envelope = _checked(original, mended, given["value"])
    return Mended(mended, envelope, _audit(original, mended, given["value"]))


def _read(file: Path) -> dict[str, Any]:
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Invalid(f"{file} cannot be read as JSON", code="bad_edit") from error
    if not isinstance(given, dict) or not isinstance(given.get("value"), dict):
        raise Invalid(f"{file} has no object `value`", code="bad_edit")
    if not isinstance(given.get("headers", {}), dict):
        raise Invalid(f"`headers` of {file} is no object", code="bad_edit")
    if SCRUBBED in json.dumps([given["value"], given.get("headers")]):
        raise Invalid(f"{file} holds {SCRUBBED}, which was never in the record", code="bad_edit")
    return given


def _headers(
    before: Sequence[tuple[str, bytes | None]], given: Mapping[str, object]
) -> tuple[tuple[str, bytes | None], ...]:
    """Those that read otherwise are changed, new ones added; the bytes of all others stay."""
    shown = readable_headers(before)
    changed = {
        name: value.encode()
        for name, value in given.items()
        if isinstance(value, str) and shown.get(name) != value
    }
    kept = [(name, value) for name, value in before if name not in changed]
    return (*kept, *changed.items())


def _checked(original: SourceRecord, mended: SourceRecord, value: dict[str, Any]) -> Envelope:
    if len(mended.value or b"") > _MAX_BYTES:
        raise Invalid(f"the edited value is larger than {_MAX_BYTES} bytes", code="bad_edit")
    try:
        envelope = from_headers(mended.headers)
        decode(mended.key, mended.headers, mended.value)
    except Corrupt as error:
        raise Invalid(f"the edited record is not right: {error.detail}", code="bad_edit") from error
    model = EVENT_TYPES.get(envelope.type)
    if model is None:
        raise Invalid(f"{envelope.type} is no type of this version", code="bad_edit")
    before = readable(original.value)
    known = set(model.model_fields) | (set(before) if isinstance(before, dict) else set())
    if strange := sorted(set(value) - known):
        raise Invalid(f"{envelope.type} has no {', '.join(strange)}", code="bad_edit")
    _same_event(original, envelope)
    return envelope


def _same_event(original: SourceRecord, envelope: Envelope) -> None:
    """Consumers know events by their id: another id would be another event."""
    try:
        before = from_headers(original.headers).id
    except Corrupt:
        return
    if envelope.id != before:
        raise Invalid(f"ce_id must stay {before}", code="bad_edit")


def _audit(
    original: SourceRecord, mended: SourceRecord, value: Mapping[str, object]
) -> dict[str, object]:
    before = readable(original.value)
    old = before if isinstance(before, dict) else {}
    was, now = readable_headers(original.headers), readable_headers(mended.headers)
    return {
        "fields": sorted(
            name for name in old.keys() | value.keys() if old.get(name) != value.get(name)
        ),
        "headers": sorted(
            name for name in was.keys() | now.keys() if was.get(name) != now.get(name)
        ),
        "sha256_before": hashlib.sha256(original.value or b"").hexdigest(),
        "sha256_after": hashlib.sha256(mended.value or b"").hexdigest(),
    }


def _text(value: bytes | None) -> object:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
