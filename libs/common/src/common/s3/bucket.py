"""Makes the one private bucket; for `reprise setup` and tests."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from common.errors import RepriseError
from common.s3.failures import error_of, mapped

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_OURS_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
_NO_CONSTRAINT = {"us-east-1", "auto"}  # regions that S3 and R2 want left out


async def ensure_bucket(client: "S3Client", name: str, region: str) -> bool:
    """Make the bucket unless it is there; whether it was made. Never touches ACLs."""
    try:
        with mapped():
            await client.head_bucket(Bucket=name)
    except RepriseError as error:
        if error.code not in {"object_not_found", "bucket_missing"}:
            raise
    else:
        return False
    return await _create(client, name, region)


async def _create(client: "S3Client", name: str, region: str) -> bool:
    place: dict[str, Any] = (
        {}
        if region in _NO_CONSTRAINT
        else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    with mapped():
        try:
            await client.create_bucket(Bucket=name, **place)
        except ClientError as error:
            # two setups side by side: the other one was first
            if error.response.get("Error", {}).get("Code") not in _OURS_ALREADY:
                raise error_of(error) from error
            return False
    return True
