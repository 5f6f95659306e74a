"""Signs a payload whose digest is known: large ones are hashed in a thread, not in the loop.

botocore hashes a body in the moment it signs, which for a part of 8 MiB keeps every other request
of the process waiting for some milliseconds. A body that knows its digest is believed; the store
compares it with what arrives.
"""

import asyncio
import hashlib

from botocore import auth
from botocore.awsrequest import AWSRequest
from typing_extensions import override

from common.s3.model import MIB, Body

LARGE = MIB  # smaller bodies are hashed sooner than a thread is woken


class KnownPayloadAuth(auth.S3SigV4Auth):
    """Signature version 4 for S3; `sha256` of the body, where it has one, is its digest."""

    @override
    def payload(self, request: AWSRequest) -> str:
        known: str | None = getattr(request.body, "sha256", None)
        return known or super().payload(request)


async def digest_of(body: Body) -> str:
    """The sha256 of a body, that of a large one made beside the loop."""
    if len(body) < LARGE:
        return hashlib.sha256(body).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, body)).hexdigest()


def install() -> None:
    """Have botocore sign so; clients opened later do."""
    auth.AUTH_TYPE_MAPS["s3v4"] = KnownPayloadAuth
