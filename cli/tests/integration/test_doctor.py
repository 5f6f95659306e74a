"""`reprise doctor s3` against the store of the stack, and against one that lacks things."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.s3.probe.line import Finding
from common.s3.probe.probing import Wishes, open_probing
from common.s3.probe.run import LINES, findings
from common.testing.buckets import store_settings
from common.testing.web_page import web_page
from devstack.faults.certificate import make_certificate
from devstack.faults.s3.server import FaultyS3
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
KEYS = ("doctor", "a-secret-for-the-doctor")
QUICK = {line.name: line.name != "large_object" for line in LINES}


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


def of_the_stack(infra: Stack) -> dict[str, str]:
    names = [name for name in infra.env if name.startswith("MEDIA_")]
    return {name: infra.env[name] for name in names}


def reprise(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("reprise")
    return subprocess.run(
        [program, *words], env=environment, capture_output=True, text=True, timeout=200, check=False
    )


async def asked(faulty: FaultyS3, *names: str, wishes: Wishes | None = None) -> list[Finding]:
    """What some lines find, and that they clear up after themselves."""
    settings = store_settings(faulty.environment, "media")
    wishes = wishes or Wishes(("https://app.example",), apply=True, large=False, patient=False)
    lines = [line for name in names for line in LINES if line.name == name]
    async with open_probing(settings, wishes) as probing:
        return [finding async for finding in findings(probing, lines)]


def answers(done: subprocess.CompletedProcess[str]) -> dict[str, bool]:
    return {line["name"]: line["works"] for line in json.loads(done.stdout)["lines"]}


@pytest.mark.req("JAN-07")  # `--apply` installs the lifecycle rule, and the line reads it back
def test_a_correct_store_passes_every_line(faulty: FaultyS3) -> None:
    done = reprise(environment_of(faulty), "doctor", "s3", "--apply", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    assert answers(done) == QUICK
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
    assert answers(done) == QUICK
    assert trailers


def test_it_never_sets_an_acl_and_always_asks_by_path(faulty: FaultyS3) -> None:
    reprise(environment_of(faulty), "doctor", "s3", "--quick", "--json")
    assert not [call for call in faulty.calls if "x-amz-acl" in call.headers]
    assert {call.host for call in faulty.calls} == {faulty.endpoint.removeprefix("http://")}


@pytest.mark.parametrize(
    ("offers", "line"),
    [
        ("refuses_short_bodies", "short_body_refused"),
        ("presigned_put refuses_short_bodies", "short_body_refused"),
        ("presigned_put refuses_short_bodies", "digested_put"),
        ("compares_digests refuses_short_bodies", "signed_payload"),
        ("compares_digests refuses_short_bodies", "digested_put"),
        ("compares_digests", "content_md5"),
        ("compares_digests", "presigned_put"),
        ("compares_digests", "digested_parts"),
        ("checks_signatures", "private"),
        ("checks_signatures", "presigned_binding"),
        ("conditional_get", "if_match"),
        ("conditional_get", "if_none_match"),
        ("conditional_put", "presigned_once"),
        ("conditional_complete", "conditional_complete"),
        ("aborts", "abort"),
        ("keeps_order", "multipart"),
        ("deletes", "delete"),
        ("deletes", "delete_many"),
        ("suffix_ranges", "suffix_ranges"),
        ("unequal_parts", "unequal_parts"),
        ("copies_parts", "copy_parts"),
        ("conditional_put", "conditional_put"),
        ("presigned_get", "presigned_get"),
        ("presigned_put", "presigned_put"),
        ("presigned_parts", "presigned_parts"),
        ("lists_multiparts", "list_multiparts"),
        ("cors", "cors"),
        ("lifecycle", "lifecycle"),
    ],
)
async def test_what_a_store_lacks_is_found_and_fails_only_where_it_is_required(
    faulty: FaultyS3, offers: str, line: str
) -> None:
    faulty.offer(**dict.fromkeys(offers.split(), False))
    (found,) = await asked(faulty, line)
    assert not found.works, found.detail
    assert found.harmless == (found.line.weight != "required")


async def test_a_refusal_for_another_reason_proves_nothing(faulty: FaultyS3) -> None:
    faulty.fail("PutObject", key="/md5", status=501, code="NotImplemented")
    faulty.fail("UploadPart", key="/aborted", part=2, status=400, code="InvalidRequest")
    faulty.fail("CompleteMultipartUpload", key="once", status=501, code="NotImplemented")
    found = await asked(faulty, "content_md5", "abort", "conditional_complete")
    assert [item.works for item in found] == [False] * 3


async def test_nothing_stays_in_a_store_that_lists_too_little_or_refuses_a_delete(
    faulty: FaultyS3,
) -> None:
    faulty.offer(lists_multiparts=False, presigned_parts=False)
    faulty.shorten("ListObjectsV2", to=1)
    faulty.fail("DeleteObject", key="empty", status=403, code="AccessDenied")
    await asked(faulty, "put", "list", "list_multiparts", "presigned_parts", "digested_parts")
    assert [key.rpartition("/")[2] for key in faulty.keys] == ["empty"]
    assert faulty.open_multiparts == []


async def test_what_was_not_asked_is_not_found_to_work(faulty: FaultyS3) -> None:
    found = await asked(faulty, "large_object", "cors", wishes=Wishes(large=False))
    assert [(item.works, item.harmless) for item in found] == [(False, True)] * 2


@pytest.mark.req("STO-03")
def test_a_store_that_lacks_what_is_required_is_refused_by_status(faulty: FaultyS3) -> None:
    faulty.shorten("ListObjectsV2", to=1)
    done = reprise(environment_of(faulty), "doctor", "s3", "--quick")
    assert done.returncode == 1
    assert "cannot carry the platform: list" in done.stdout
    answers_of = {line.name for line in LINES if f" {line.name} " in done.stdout}
    assert answers_of == {line.name for line in LINES}
    assert "MISSING" in done.stdout


def test_a_web_server_that_is_no_store_is_told_line_by_line(faulty: FaultyS3) -> None:
    with web_page() as endpoint:
        environment = environment_of(faulty) | {"MEDIA_S3_ENDPOINT": endpoint}
        done = reprise(environment, "doctor", "s3", "--quick", "--json")
    assert done.returncode == 1
    assert [name for name, works in answers(done).items() if works] == ["bucket"]
    assert "Traceback" not in done.stderr


def test_a_store_that_does_not_answer_is_told_at_once(faulty: FaultyS3) -> None:
    environment = environment_of(faulty) | {"MEDIA_S3_SECRET_ACCESS_KEY": "x" * 30}
    done = reprise(environment, "doctor", "s3", "--json")
    assert done.returncode == 1
    assert list(answers(done)) == ["bucket"]


@pytest.mark.parametrize(
    ("wrong", "mending"),
    [
        ({"MEDIA_S3_SECRET_ACCESS_KEY": "x" * 30}, "MEDIA_S3_SECRET_ACCESS_KEY"),
        ({"MEDIA_S3_ACCESS_KEY_ID": "nobody"}, "MEDIA_S3_ACCESS_KEY_ID"),
        ({"MEDIA_ASSETS_BUCKET": "elsewhere"}, "reprise setup"),
        ({"MEDIA_S3_ENDPOINT": "http://127.0.0.1:1"}, "MEDIA_S3_ENDPOINT"),
    ],
)
def test_what_keeps_it_from_the_bucket_is_told_with_what_mends_it(
    infra: Stack, wrong: dict[str, str], mending: str
) -> None:
    done = reprise(of_the_stack(infra) | wrong, "doctor", "s3", "--quick")
    assert done.returncode == 1
    assert mending in done.stdout.splitlines()[-1]
    assert "cannot carry" not in done.stdout


def test_findings_that_nobody_can_keep_are_told_all_the_same(faulty: FaultyS3) -> None:
    nowhere = "postgresql://gateway:secret@127.0.0.1:1/reprise"
    environment = environment_of(faulty) | {"REPRISE_POSTGRES_URL_UPLOAD_GATEWAY": nowhere}
    done = reprise(environment, "doctor", "s3", "--apply", "--quick", "--json")
    assert done.returncode == 1
    assert answers(done) == QUICK
    assert not json.loads(done.stdout)["kept"]
    assert "Traceback" not in done.stderr


def test_one_that_is_told_to_stop_removes_what_it_wrote(faulty: FaultyS3) -> None:
    faulty.hang("DeleteObject", key="gone", times=1)
    command = [str(Path(sys.executable).with_name("reprise")), "doctor", "s3", "--quick", "--json"]
    with subprocess.Popen(command, env=environment_of(faulty)) as asking:
        until = time.monotonic() + 60
        while not faulty.hanging:
            assert time.monotonic() < until, "it should have come to deletes"
            time.sleep(0.02)
        assert len(faulty.keys) > 2
        asking.terminate()
        assert asking.wait(60) == 143
    assert faulty.keys == []


def test_rules_to_paste_name_our_origins(faulty: FaultyS3) -> None:
    for dialect in ("aws", "r2"):
        done = reprise(environment_of(faulty), "doctor", "s3", "--print-cors", dialect)
        rules = json.loads(done.stdout)
        assert rules[0]["AllowedOrigins"] == ["https://app.example"]
        assert rules[0]["MaxAgeSeconds"] >= 3600
