"""Cursor in, page out: where a page ended, opaque to whoever carries it."""

import base64
import binascii
from collections.abc import Sequence
from uuid import UUID

from catalog.ports import AssetView
from common.errors import Invalid
from common.ids import AssetId

DEFAULT_LIMIT, MAX_LIMIT = 50, 100


def encode_cursor(last: AssetId) -> str:
    """The cursor of the page after this asset."""
    return base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def decode_cursor(cursor: str | None) -> AssetId | None:
    """Where to go on; None begins at the newest. Raises Invalid (`invalid_cursor`)."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return AssetId(UUID(bytes=raw))
    except (binascii.Error, ValueError) as error:
        raise Invalid("The cursor is none of ours.", code="invalid_cursor") from error


def cut(views: Sequence[AssetView], limit: int) -> tuple[Sequence[AssetView], str | None]:
    """A page of at most `limit` out of `limit` + 1 rows, and the cursor of the next one."""
    page = views[:limit]
    return page, encode_cursor(page[-1].asset.asset_id) if len(views) > limit else None
