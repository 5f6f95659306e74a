"""Cursor in, page out: where a page ended, opaque to whoever carries it."""

from collections.abc import Sequence
from uuid import UUID

from catalog.ports import AssetView
from common.ids import AssetId
from common.web.cursors import BadCursor, decoded, encoded

DEFAULT_LIMIT, MAX_LIMIT = 50, 100


def encode_cursor(last: AssetId) -> str:
    """The cursor of the page after this asset."""
    return encoded(last.bytes)


def decode_cursor(cursor: str | None) -> AssetId | None:
    """Where to go on; None begins at the newest. Raises BadCursor."""
    if cursor is None:
        return None
    try:
        return AssetId(UUID(bytes=decoded(cursor)))
    except ValueError as error:
        raise BadCursor from error


def cut(views: Sequence[AssetView], limit: int) -> tuple[Sequence[AssetView], str | None]:
    """A page of at most `limit` out of `limit` + 1 rows, and the cursor of the next one."""
    page = views[:limit]
    return page, encode_cursor(page[-1].asset.asset_id) if len(views) > limit else None
