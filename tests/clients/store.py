"""The store behind the clients: what is found out about it before, and what it holds afterwards."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from tests.faults.foreign_uploads import reprise

from devstack.aws_cli import aws
from devstack.stack import Stack


def found_by_doctor(stack: Stack, pages: str, **store: str) -> dict[str, bool]:
    """What the operator's command found once it had set the rules for the origin of our pages."""
    said = reprise(
        stack, "doctor", "s3", "--apply", "--quick", "--json", REPRISE_WEB_ORIGINS=pages, **store
    )
    return {line["name"]: line["works"] for line in json.loads(said)["lines"]}


def stored_sha256(env: Mapping[str, str], prefix: str) -> str:
    """Of the one object under a prefix, as boto3 and the AWS command line both read it."""
    bucket = env["MEDIA_ASSETS_BUCKET"]
    with _client(env) as client:
        (found,) = client.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        body = client.get_object(Bucket=bucket, Key=found["Key"])["Body"]
        by_boto = hashlib.sha256(body.read()).hexdigest()
    read = aws(env, "s3", "cp", f"s3://{bucket}/{found['Key']}", "-").stdout
    assert hashlib.sha256(read).hexdigest() == by_boto
    return by_boto


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
        config=Config(s3={"addressing_style": "path"}, connect_timeout=3, read_timeout=30),
    )
    try:
        yield client
    finally:
        client.close()
