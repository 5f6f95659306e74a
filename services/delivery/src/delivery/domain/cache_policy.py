"""What may be kept, by whom and for how long (DLV-06, DLV-07, DLV-33)."""

from common.errors import RepriseError
from common.tokens import Mode
from delivery.domain.errors import MediaNotFound

Headers = tuple[tuple[str, str], ...]

PUBLIC: Headers = (
    ("cache-control", "public, max-age=31536000, immutable"),
    # browsers may keep the bytes for ever; what we can purge asks again within a minute
    ("cdn-cache-control", "public, max-age=60"),
)
PRIVATE: Headers = (("cache-control", "private, no-store"), ("x-robots-tag", "noindex"))
NO_STORE: Headers = (("cache-control", "no-store"),)
# long enough to shield us from a loop, short enough to be forgotten when the key does appear
MISSING: Headers = (("cache-control", "public, max-age=5"),)


def of_media(mode: Mode, status: int) -> Headers:
    """For answers about an object that the token opens: 200, 206, 304, 416 alike, and 412."""
    if mode == "priv":
        return PRIVATE
    # a failed precondition speaks of one request, and caches keep answers by URL
    return NO_STORE if status == 412 else PUBLIC


def of_refusal(error: RepriseError) -> Headers:
    """For refusals. Only "never existed" may be kept, and only where the token was public."""
    return MISSING if isinstance(error, MediaNotFound) and error.shared else NO_STORE
