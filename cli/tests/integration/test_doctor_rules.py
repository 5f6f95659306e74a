"""What the doctor makes of a bucket's own rules: who may ask, and what is cleared up."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from common.s3.probe.line import Finding
from common.s3.probe.probing import Probing, Wishes, open_probing
from common.s3.probe.rules import cors_rules, lifecycle_rules
from common.s3.probe.run import LINES, findings
from common.testing.buckets import store_settings
from devstack.faults.s3.server import FaultyS3

pytestmark = pytest.mark.integration
KEYS = ("doctor", "a-secret-for-the-doctor")
EVERYBODY = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
APP, WORKSHOP = "https://app.example", "http://localhost:3000"


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyS3]:
    with FaultyS3(tmp_path / "store", *KEYS) as server:
        yield server


@asynccontextmanager
async def probing(faulty: FaultyS3, *, apply: bool = False) -> AsyncIterator[Probing]:
    settings = store_settings(faulty.environment, "media")
    wishes = Wishes((APP, WORKSHOP), apply=apply, large=False, patient=False)
    async with open_probing(settings, wishes) as opened:
        yield opened


async def answer(asking: Probing, name: str) -> Finding:
    lines = [line for line in LINES if line.name == name]
    (finding,) = [finding async for finding in findings(asking, lines)]
    return finding


async def found(faulty: FaultyS3, *rules: Any, apply: bool = False) -> tuple[Finding, Any]:
    """What is said of a bucket with these rules for browsers; and the rules afterwards."""
    async with probing(faulty, apply=apply) as asking:
        await asking.client.put_bucket_cors(
            Bucket="media", CORSConfiguration={"CORSRules": list(rules)}
        )
        finding = await answer(asking, "cors")
        kept = await asking.client.get_bucket_cors(Bucket="media")
        return finding, kept["CORSRules"]


@pytest.mark.req("UPL-22")
async def test_the_rules_that_it_sets_let_our_origins_in_and_nobody_else(faulty: FaultyS3) -> None:
    finding, rules = await found(faulty, EVERYBODY, apply=True)
    assert finding.works, finding.detail
    (rule,) = rules
    assert rule["AllowedOrigins"] == [APP, WORKSHOP]
    assert set(rule["AllowedMethods"]) == {"PUT", "GET", "HEAD"}
    assert "content-type" in rule["AllowedHeaders"]
    assert set(rule["ExposeHeaders"]) == {"ETag", "Content-Length", "Content-Type"}
    assert rule["MaxAgeSeconds"] >= 3600


@pytest.mark.req("UPL-22")
@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"AllowedOrigins": [APP, "http://localhost"]}, f"PUT from {WORKSHOP} is not allowed"),
        ({"AllowedOrigins": [APP, WORKSHOP, "https://evil.example"]}, "a foreign origin is let in"),
        ({"AllowedOrigins": ["*"]}, "a foreign origin is let in"),
        ({"AllowedMethods": ["GET", "HEAD"]}, f"PUT from {APP} is not allowed"),
        ({"AllowedMethods": ["PUT", "HEAD"]}, f"GET from {APP} is not allowed"),
        ({"AllowedMethods": ["PUT", "GET"]}, f"HEAD from {APP} is not allowed"),
        ({"AllowedHeaders": ["if-none-match", "x-amz-checksum-sha256"]}, "is not allowed"),
        ({"ExposeHeaders": []}, "not exposed: ETag, Content-Length, Content-Type"),
        ({"ExposeHeaders": ["ETag"]}, "not exposed: Content-Length, Content-Type"),
        ({"MaxAgeSeconds": 60}, "for 60 s only"),
    ],
    ids=str,
)
async def test_rules_that_shut_our_pages_out_or_let_others_in_are_found(
    faulty: FaultyS3, other: dict[str, Any], said: str
) -> None:
    (good,) = cors_rules((APP, WORKSHOP))["CORSRules"]
    finding, _ = await found(faulty, good | other)
    assert not finding.works
    assert said in finding.detail


async def test_a_stranger_who_may_only_read_is_found_too(faulty: FaultyS3) -> None:
    (good,) = cors_rules((APP, WORKSHOP))["CORSRules"]
    finding, _ = await found(faulty, good, EVERYBODY)
    assert (finding.works, finding.detail) == (False, "a foreign origin is let in by GET")


@pytest.mark.parametrize(("days", "works"), [(1, False), (6, False), (7, True)])
async def test_a_rule_that_ends_uploads_while_they_run_is_found(
    faulty: FaultyS3, days: int, works: bool
) -> None:
    own = lifecycle_rules()
    (early,) = deepcopy(own["Rules"])
    early |= {"ID": "early", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days}}
    async with probing(faulty) as asking:
        await asking.client.put_bucket_lifecycle_configuration(
            Bucket="media", LifecycleConfiguration={"Rules": [*own["Rules"], early]}
        )
        finding = await answer(asking, "lifecycle")
    assert finding.works is works
    assert works or f"after {days} days" in finding.detail
    async with probing(faulty, apply=True) as asking:
        assert (await answer(asking, "lifecycle")).works
