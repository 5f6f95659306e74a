"""Records of the state topic with the verdict that every reader of state must reach on them.

A reader with a decoder of its own runs its unit tests over these, and over `SPOILT`; it may deny
more than `common.events.judge` does, never less.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.events import AssetState, StoredObject, new_message
from common.events.readable import Denial
from common.testing.clock import START, ManualClock

ASSET = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
KEY = f"asset/{ASSET}".encode()
Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Case:
    """One record. `denied` None: it may be used, or is a tombstone."""

    name: str
    headers: Headers
    value: bytes | None
    denied: Denial | None = None
    key: bytes = KEY


def asset_state(**changes: Any) -> AssetState:
    """An asset that every reader understands."""
    fields: dict[str, Any] = {
        "asset_id": ASSET,
        "user_id": UUID("0a000000-0000-8000-8000-00000000000a"),
        "upload_id": UUID("0b000000-0000-4000-8000-00000000000b"),
        "kind": "audio",
        "state": "ready",
        "visibility": "circle",
        "members": (UUID("0c000000-0000-8000-8000-00000000000c"),),
        "generation": 3,
        "stored_at": START,
        "objects": (
            StoredObject(
                rendition="mp3-192",
                key=f"u/{ASSET}/mp3-192-0123456789abcdef.mp3",
                size=7,
                sha256="0" * 64,
                etag="e",
                content_type="audio/mpeg",
                duration=1.5,
            ),
        ),
    }
    return AssetState(**(fields | changes))


_MESSAGE = new_message(
    asset_state(), source="catalog", key=KEY.decode(), sequence=7, clock=ManualClock()
)
HEADERS: Headers = list(_MESSAGE.headers())
VALUE: Mapping[str, Any] = json.loads(_MESSAGE.payload or b"")


def written(**fields: Any) -> bytes:
    """The value as a newer or a broken catalog might write it."""
    return json.dumps({**VALUE, **fields}).encode()


def _header(name: str, value: bytes | None) -> Headers:
    return [(n, value if n == name else v) for n, v in HEADERS]


CASES = (
    Case("as it should be", HEADERS, written()),
    Case("a field of a newer catalog", HEADERS, written(mood="blue")),
    Case("a tombstone", HEADERS, None),
    Case("a foreign header", [("x", b"\xff"), ("y", None), *HEADERS], written()),
    Case("appended doubles", [*HEADERS, ("ce_sequence", b"99"), ("ce_type", b"x")], written()),
    Case("a null before ours", [("ce_sequence", None), ("ce_type", None), *HEADERS], written()),
    Case("no UTF-8 before ours", [("ce_type", b"\xff"), *HEADERS], written()),
    Case("made for newer readers", HEADERS, written(requires=2), "requires"),
    Case("newer all over", HEADERS, written(requires=9, objects="?", kind=7), "requires"),
    Case("another type", _header("ce_type", b"reprise.state.asset.v2"), b"{}", "unknown_type"),
    Case("another entity", _header("ce_type", b"reprise.state.alias.v1"), b"{}", "unknown_type"),
    Case("no type", _header("ce_type", None), written(), "unknown_type"),
    Case("unknown kind", HEADERS, written(kind="hologram"), "unknown_kind"),
    Case("unknown state", HEADERS, written(state="frozen"), "unknown_state"),
    Case("unknown visibility", HEADERS, written(visibility="friends"), "unknown_visibility"),
    Case("another asset's value", HEADERS, written(asset_id=str(UUID(int=7))), "wrong_key"),
    Case("no JSON", HEADERS, b"{", "unreadable"),
    Case("empty", HEADERS, b"", "unreadable"),
    Case("null", HEADERS, b"null", "unreadable"),
    Case("a list", HEADERS, b"[]", "unreadable"),
    Case("no text", HEADERS, b"\xff", "unreadable"),
    Case("a demand that is no number", HEADERS, written(requires="2"), "unreadable"),
    Case("a number in quotes", HEADERS, written(generation="3"), "unreadable"),
    Case("an object without fields", HEADERS, written(objects=[{}]), "unreadable"),
    Case("nobody's", HEADERS, written(user_id="nobody"), "unreadable"),
)
# without these a record does not say what it is about, or when: it changes nothing and is counted
ANONYMOUS = (
    Case("no headers", [], written()),
    Case("no sequence", _header("ce_sequence", None), written()),
    Case("a sequence that is no number", _header("ce_sequence", b"x"), written()),
    Case("a sequence below one", _header("ce_sequence", b"-1"), written()),
    Case("a sequence no column holds", _header("ce_sequence", b"9" * 30), written()),
    Case("a tombstone without sequence", [], None),
    Case("a key that is no text", HEADERS, written(), key=b"asset/\xff"),
)
JUNK: tuple[Any, ...] = (None, 0, -1, 1.5, True, "", "x", [], {}, [None], [[]], "0", 10**30)


def _spoilt() -> Iterator[Case]:
    """Every field of the record and of its object, replaced by what does not belong there."""
    for junk in JUNK:
        for name in VALUE:
            yield Case(f"{name}={junk!r}", HEADERS, written(**{name: junk}))
        for name in VALUE["objects"][0]:
            broken = {**VALUE["objects"][0], name: junk}
            yield Case(f"objects.{name}={junk!r}", HEADERS, written(objects=[broken]))


SPOILT = tuple(_spoilt())
