"""The one rule of deletion: whole keys of the asset or upload a fact names, never a prefix."""

import re
from collections.abc import Iterable
from uuid import UUID

from common.ids import AssetId, ObjectKey, UploadId, asset_of_key
from janitor.domain.errors import RefusesToDelete

_STAGING = re.compile(
    r"staging/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/[0-9]{1,15}-[0-9a-f]{16}"
)


def owned_keys(
    keys: Iterable[str], *, asset_id: AssetId, upload_id: UploadId | None
) -> tuple[ObjectKey, ...]:
    """The keys, once each and in order, when every one of them may go; else RefusesToDelete.

    `upload_id` None means that the fact speaks of no upload, so that no staged segment may be
    named.
    """
    distinct = tuple(dict.fromkeys(keys))
    foreign = sum(not _is_owned(key, asset_id, upload_id) for key in distinct)
    if foreign:
        raise RefusesToDelete(f"{foreign} of {len(distinct)} keys are not of asset {asset_id}")
    return tuple(ObjectKey(key) for key in distinct)


def _is_owned(key: str, asset_id: AssetId, upload_id: UploadId | None) -> bool:
    staged = _STAGING.fullmatch(key)
    if staged:
        return upload_id is not None and UUID(staged.group(1)) == upload_id
    return asset_of_key(key) == asset_id
