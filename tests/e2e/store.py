"""The object store as an operator sees it: signed requests by boto's own client."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config


def list_keys(env: Mapping[str, str], prefix: str) -> list[str]:
    """Every key under a prefix, asked of the store itself."""
    with _client(env) as client:
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=env["MEDIA_ASSETS_BUCKET"], Prefix=prefix
        )
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


def contents(env: Mapping[str, str], prefix: str) -> dict[str, bytes]:
    """The bytes of every object under a prefix."""
    keys = list_keys(env, prefix)
    with _client(env) as client:
        found = [client.get_object(Bucket=env["MEDIA_ASSETS_BUCKET"], Key=key) for key in keys]
        return {key: one["Body"].read() for key, one in zip(keys, found, strict=True)}


def open_multiparts(env: Mapping[str, str]) -> list[str]:
    """The keys of uploads in parts that nobody completed or aborted."""
    with _client(env) as client:
        found = client.list_multipart_uploads(Bucket=env["MEDIA_ASSETS_BUCKET"])
    return [upload["Key"] for upload in found.get("Uploads", [])]


@contextmanager
def _client(env: Mapping[str, str]) -> Iterator[Any]:
    client = boto3.client(
        "s3",
        endpoint_url=env["MEDIA_S3_ENDPOINT"],
        region_name=env["MEDIA_S3_REGION"],
        aws_access_key_id=env["MEDIA_S3_ACCESS_KEY_ID"],
        aws_secret_access_key=env["MEDIA_S3_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=10),
    )
    try:
        yield client
    finally:
        client.close()
