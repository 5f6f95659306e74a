"""The store behind the clients: what is found out about it before, and what it holds afterwards."""

import hashlib
import json
from collections.abc import Mapping

from tests.e2e.store import contents
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
    ((key, by_boto),) = contents(env, prefix).items()
    by_aws = aws(env, "s3", "cp", f"s3://{env['MEDIA_ASSETS_BUCKET']}/{key}", "-").stdout
    digest = hashlib.sha256(by_boto).hexdigest()
    assert hashlib.sha256(by_aws).hexdigest() == digest
    return digest
