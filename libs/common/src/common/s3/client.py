"""Opens the one S3 client of a process; the only module that imports aioboto3."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import aioboto3
from aiobotocore.config import AioConfig

from common.s3 import signing
from common.settings.groups import S3Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

CONNECT_TIMEOUT, READ_TIMEOUT = 3, 30  # seconds; none on the whole of a stream
ATTEMPTS = 3
CONTROL_CONNECTIONS = 64
Checksums = Literal["when_required", "when_supported"]


@asynccontextmanager
async def open_s3(
    settings: S3Settings,
    *,
    connections: int = CONTROL_CONNECTIONS,
    checksums: Checksums = "when_required",
) -> AsyncIterator["S3Client"]:
    """A client for the lifetime of the process.

    Path style and signature version 4; checksums only where S3 demands them, because the newer
    default breaks compatible stores over TLS (storage.md 3). Payloads stay signed: that is what
    makes a store refuse a body that was cut on its way. `connections` bounds the pool; waiting for
    one is silent, so give it the number of requests the process may have at once. `checksums` is
    for the probe, which asks what the newer default would do.
    """
    config = AioConfig(
        region_name=settings.region,
        signature_version="s3v4",
        s3={"addressing_style": "path", "payload_signing_enabled": True},
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=connections,
    )
    signing.install()
    session = aioboto3.Session()
    async with session.client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key_id,
        aws_secret_access_key=settings.secret_access_key.get_secret_value(),
        config=config,
    ) as client:
        yield client
