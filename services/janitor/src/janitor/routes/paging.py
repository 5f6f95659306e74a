"""Cursors: the key of the last row shown, opaque to the reader."""

from datetime import datetime
from uuid import UUID

from common.ids import EventId, ObjectKey
from common.web.cursors import BadCursor, decoded, encoded
from janitor.domain.purge_order import Purge


def after_key(cursor: str | None) -> ObjectKey | None:
    """The object key to go on after; BadCursor for one that is none of ours."""
    return ObjectKey(_text(cursor)) if cursor else None


def key_cursor(key: ObjectKey) -> str:
    """Leads past this key."""
    return encoded(key.encode())


def before_purge(cursor: str | None) -> tuple[datetime, EventId] | None:
    """The order to go on before; BadCursor for one that is none of ours."""
    if not cursor:
        return None
    time, _, purge_id = _text(cursor).partition("|")
    try:
        return datetime.fromisoformat(time), EventId(UUID(purge_id))
    except ValueError as error:
        raise BadCursor from error


def purge_cursor(purge: Purge) -> str:
    """Leads past this order."""
    return encoded(f"{purge.ordered_at.isoformat()}|{purge.order.id}".encode())


def _text(cursor: str) -> str:
    try:
        text = decoded(cursor).decode()
    except ValueError as error:
        raise BadCursor from error
    if not text.isprintable():  # a NUL would be an error of the database's, not the reader's
        raise BadCursor
    return text
