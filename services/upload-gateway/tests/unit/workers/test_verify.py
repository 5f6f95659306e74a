import json

import pytest
from gateway_support.bench import Bench
from gateway_support.fakes import KnownSniffer

from common.jobs.job import Job
from common.telemetry import logs
from common.telemetry.metrics import Metrics
from upload_gateway.domain.errors import MultipartForgotten, PartsLost
from upload_gateway.domain.formats import Format
from upload_gateway.domain.upload import Upload
from upload_gateway.workers.verify import build_handler, build_on_dead


def job_of(upload: Upload) -> Job:
    return Job(upload.asset_id, "verify", upload.id, {}, 1, 0, 5, upload.asset_id, None)


@pytest.mark.parametrize(
    ("sniffed", "event", "field"),
    [
        (frozenset({"flac"}), "media.commit.ok", ("content_type", "audio/flac")),
        (frozenset(), "media.commit.fail", ("reason", "unrecognized_content")),
    ],
)
async def test_each_outcome_is_a_named_event_without_the_capability(
    capsys: pytest.CaptureFixture[str],
    sniffed: frozenset[Format],
    event: str,
    field: tuple[str, str],
) -> None:
    logs.configure("upload-gateway")
    bench = Bench(sniffer=KnownSniffer(sniffed))
    upload = await bench.sent(await bench.created(3), 0, b"abc")
    outcomes = Metrics("upload-gateway").counter("verified_uploads", "", ["outcome"])
    await build_handler(bench.verify, bench.clear, outcomes)(job_of(upload))
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["event"], line[field[0]]) == (event, field[1])
    assert line["asset_id"] == str(upload.asset_id)
    assert str(upload.id) not in json.dumps(line)
    assert bench.ledger[upload].cleared


@pytest.mark.parametrize(
    ("error", "state", "buried"),
    [
        (MultipartForgotten("gone"), "rejected", []),
        (PartsLost("another part"), "verifying", ["parts_lost: another part"]),
        (ZeroDivisionError(), "verifying", ["ZeroDivisionError: "]),
    ],
)
async def test_only_bytes_that_are_gone_for_good_end_an_upload_at_the_last_try(
    error: Exception, state: str, buried: list[str]
) -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(3), 0, b"abc")
    outcomes = Metrics("upload-gateway").counter("verified_uploads", "", ["outcome"])
    await build_on_dead(bench.give_up, bench.strand, outcomes)(job_of(upload), error)
    found = list(bench.ledger.tables.buried.values())
    assert (bench.ledger[upload].state, found) == (state, buried)


async def test_an_upload_that_waits_for_an_operator_says_why_and_is_tried_again() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(3), 0, b"abc")
    outcomes = Metrics("upload-gateway").counter("verified_uploads", "", ["outcome"])
    await build_on_dead(bench.give_up, bench.strand, outcomes)(job_of(upload), PartsLost("gone"))
    assert bench.ledger[upload].reason == "verification_failed"
    assert bench.ledger.tables.entries[-1].reason == "verification_failed"
    assert await bench.retry(upload.asset_id)
    assert not await bench.retry(upload.asset_id)
    assert bench.ledger[upload].reason is None
    done = await bench.verified(upload)
    assert (done.state, done.reason) == ("stored", None)
