"""Where a page of a list ended, as text that is opaque to whoever carries it."""

import base64
import binascii

from common.errors import Invalid


class BadCursor(Invalid):
    """The cursor is none of ours."""

    default_code = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("The cursor is none of ours.")


def encoded(place: bytes) -> str:
    """The cursor that stands for this place: unpadded base64url."""
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def decoded(cursor: str) -> bytes:
    """The place a cursor stands for; BadCursor for what `encoded` cannot have made."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
