"""Cursors: the key of the last row shown, opaque to the reader."""

import base64
import binascii
from datetime import datetime
from uuid import UUID

from common.errors import Invalid
from common.ids import EventId, ObjectKey
from janitor.domain.purge_order import Purge


def after_key(cursor: str | None) -> ObjectKey | None:
    """The object key to go on after; Invalid for a cursor that is not one of ours."""
    return ObjectKey(_decoded(cursor)) if cursor else None


def key_cursor(key: ObjectKey) -> str:
    """Leads past this key."""
    return _encoded(key)


def before_purge(cursor: str | None) -> tuple[datetime, EventId] | None:
    """The order to go on before; Invalid for a cursor that is not one of ours."""
    if not cursor:
        return None
    time, _, purge_id = _decoded(cursor).partition("|")
    try:
        return datetime.fromisoformat(time), EventId(UUID(purge_id))
    except ValueError as error:
        raise Invalid("no cursor of this list", code="invalid_cursor") from error


def purge_cursor(purge: Purge) -> str:
    """Leads past this order."""
    return _encoded(f"{purge.ordered_at.isoformat()}|{purge.order.id}")


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> str:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        text = raw.decode()
    except (binascii.Error, ValueError) as error:
        raise Invalid("no cursor of this list", code="invalid_cursor") from error
    if not text.isprintable():  # a NUL would be an error of the database's, not the reader's
        raise Invalid("no cursor of this list", code="invalid_cursor")
    return text
