"""The bucket rules the platform wishes for, as S3 takes them."""

from collections.abc import Sequence
from typing import Any

MAX_AGE = 3600  # seconds a browser may remember a preflight (UPL-22)
EXPOSED = ("ETag", "Content-Length", "Content-Type")
LIVE_DAYS = 7  # an upload may wait almost so long for its next byte (REPRISE_UPLOAD_EXPIRY)
STALE_DAYS = 30  # one that gets some each day lives on: only what everybody forgot is as old


def cors_rules(origins: Sequence[str]) -> Any:
    """For PutBucketCors. Presigned PUTs carry their type, digest and condition as headers."""
    return {
        "CORSRules": [
            {
                "AllowedOrigins": list(origins),
                "AllowedMethods": ["GET", "HEAD", "PUT"],
                "AllowedHeaders": [
                    "content-type",
                    "content-md5",
                    "if-none-match",
                    "range",
                    "x-amz-checksum-sha256",
                ],
                "ExposeHeaders": list(EXPOSED),
                "MaxAgeSeconds": MAX_AGE,
            }
        ]
    }


def lifecycle_rules() -> Any:
    """For PutBucketLifecycleConfiguration: a net under the gateway's own sweep."""
    return {
        "Rules": [
            {
                "ID": "reprise-abort-stale-multiparts",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": STALE_DAYS},
            }
        ]
    }
