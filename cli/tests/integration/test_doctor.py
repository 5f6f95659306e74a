"""`reprise doctor s3` against the store of the stack, and against one that lacks things."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.s3.probe.probing import Wishes, open_probing
from common.s3.probe.run import LINES, findings
from common.settings.groups import S3Settings
from devstack.faults.certificate import make_certificate
from devstack.faults.s3.server import FaultyS3

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
KEYS = ("doctor", "a-secret-for-the-doctor")


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyS3]:
    with FaultyS3(tmp_path / "store", *KEYS) as server:
        yield server


def environment_of(server: FaultyS3) -> dict[str, str]:
    return {
        **server.environment,
        "MEDIA_ASSETS_BUCKET": "media",
        "REPRISE_WEB_ORIGINS": "https://app.example",
    }


def reprise(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("reprise")
    return subprocess.run(
        [program, *words], env=environment, capture_output=True, text=True, timeout=200, check=False
    )


def answers(done: subprocess.CompletedProcess[str]) -> dict[str, bool]:
    return {line["name"]: line["works"] for line in json.loads(done.stdout)["lines"]}


@pytest.mark.req("JAN-07")  # `--apply` installs the lifecycle rule, and the line reads it back
def test_a_correct_store_passes_every_line(faulty: FaultyS3) -> None:
    done = reprise(environment_of(faulty), "doctor", "s3", "--apply", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    assert answers(done) == {line.name: True for line in LINES}
    assert faulty.keys == []
    assert faulty.open_multiparts == []


def test_it_passes_over_tls_too_where_default_checksums_travel_as_trailers(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    context = certificate.server_context()
    with FaultyS3(tmp_path / "store", *KEYS, tls=context) as server:
        environment = environment_of(server) | certificate.trusted()
        done = reprise(environment, "doctor", "s3", "--apply", "--quick", "--json")
        trailers = [call for call in server.calls if "x-amz-trailer" in call.headers]
    assert done.returncode == 0, done.stderr
    assert answers(done) == {line.name: True for line in LINES}
    assert trailers


def test_it_never_sets_an_acl_and_always_asks_by_path(faulty: FaultyS3) -> None:
    reprise(environment_of(faulty), "doctor", "s3", "--quick", "--json")
    assert not [call for call in faulty.calls if "x-amz-acl" in call.headers]
    assert {call.host for call in faulty.calls} == {faulty.endpoint.removeprefix("http://")}


@pytest.mark.parametrize(
    ("offer", "line"),
    [
        ("refuses_short_bodies", "short_body_refused"),
        ("conditional_put", "conditional_put"),
        ("presigned_get", "presigned_get"),
        ("presigned_put", "presigned_put"),
        ("presigned_parts", "presigned_parts"),
        ("lists_multiparts", "list_multiparts"),
        ("cors", "cors"),
        ("lifecycle", "lifecycle"),
    ],
)
async def test_a_missing_capability_is_found_and_is_no_failure(
    faulty: FaultyS3, offer: str, line: str
) -> None:
    faulty.offer(**{offer: False})
    settings = S3Settings(
        endpoint=faulty.endpoint,
        region="us-east-1",
        access_key_id=KEYS[0],
        secret_access_key=SecretStr(KEYS[1]),
        bucket="media",
    )
    wishes = Wishes(("https://app.example",), apply=True, large=False, patient=False)
    asked = [one for one in LINES if one.name == line]
    async with open_probing(settings, wishes) as probing:
        found = [finding async for finding in findings(probing, asked)]
    assert [(item.works, item.harmless) for item in found] == [(False, True)]


def test_a_store_that_lacks_what_is_required_is_refused_by_status(faulty: FaultyS3) -> None:
    faulty.shorten("ListObjectsV2", to=1)
    done = reprise(environment_of(faulty), "doctor", "s3", "--quick")
    assert done.returncode == 1
    assert "cannot carry the platform: list" in done.stdout


def test_a_store_that_does_not_answer_is_told_at_once(faulty: FaultyS3) -> None:
    environment = environment_of(faulty) | {"MEDIA_S3_SECRET_ACCESS_KEY": "x" * 30}
    done = reprise(environment, "doctor", "s3", "--json")
    assert done.returncode == 1
    assert list(answers(done)) == ["bucket"]


def test_rules_to_paste_name_our_origins(faulty: FaultyS3) -> None:
    for dialect in ("aws", "r2"):
        done = reprise(environment_of(faulty), "doctor", "s3", "--print-cors", dialect)
        rules = json.loads(done.stdout)
        assert rules[0]["AllowedOrigins"] == ["https://app.example"]
        assert rules[0]["MaxAgeSeconds"] >= 3600
