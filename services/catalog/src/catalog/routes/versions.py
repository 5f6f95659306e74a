"""ETag and If-Match: who read an old version does not delete a new one by mistake."""

import re

from fastapi import Depends, Response

from catalog.domain.asset import Asset
from common.errors import Invalid

_ETAG = re.compile(r'"g\d+-v(\d{1,18})"')


def etag_of(asset: Asset) -> str:
    """A strong validator: generation for people, version for the comparison."""
    return f'"g{asset.generation}-v{asset.version}"'


def expected_version(if_match: str | None) -> int | None:
    """The version a client has seen, None for any.

    Raises Invalid for a tag that is none of ours.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise Invalid("If-Match takes the ETag of this resource, or *.", code="invalid_etag")
    return int(match.group(1))


def _forbid_caching(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


# what one caller may read, no cache may keep for the next
UNCACHED = Depends(_forbid_caching)
