"""The object store as an operator sees it: signed listings with boto's own client."""

from collections.abc import Mapping

import boto3
from botocore.config import Config


def list_keys(env: Mapping[str, str], prefix: str) -> list[str]:
    """Every key under a prefix, asked of the store itself."""
    client = boto3.client(
        "s3",
        endpoint_url=env["MEDIA_S3_ENDPOINT"],
        region_name=env["MEDIA_S3_REGION"],
        aws_access_key_id=env["MEDIA_S3_ACCESS_KEY_ID"],
        aws_secret_access_key=env["MEDIA_S3_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=10),
    )
    try:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=env["MEDIA_ASSETS_BUCKET"], Prefix=prefix
        )
        return [item["Key"] for page in pages for item in page.get("Contents", [])]
    finally:
        client.close()
