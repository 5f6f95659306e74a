"""A record nobody can take, from the consumer that gives it up to the operator who mends it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from tests.e2e.client import Reprise, eventually
from tests.e2e.kafka_log import Record, records_of
from tests.e2e.operator_commands import reprise, reprise_json
from tests.e2e.test_event_metrics import scrape

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

TOPIC = "media.uploads.v1"
GROUPS = {"catalog.uploads", "janitor.uploads"}


def counted(stack: Stack, name: str, **labels: str) -> float:
    service = labels["group"].split(".", 1)[0]
    for family in scrape(stack, service):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return 0.0


def letters(stack: Stack, key: str, *arguments: str) -> dict[str, dict[str, Any]]:
    found = reprise_json(stack, "dlq", "list", *arguments)["entries"]
    return {one["group"]: one for one in found if one["key"] == key}


def poison(bootstrap: str, fact: Record) -> None:
    """The same event once more, with a value that no reader takes."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await producer.start()
        headers = list(fact.headers)
        await producer.send_and_wait(TOPIC, b'{"asset_id": 7}', key=fact.key, headers=headers)
        await producer.stop()

    asyncio.run(send())


def test_a_poison_record_is_found_mended_and_taken_by_the_group_that_failed(
    admin: Reprise, stack: Stack, tmp_path: Path
) -> None:
    bootstrap = stack.env["REPRISE_KAFKA_BOOTSTRAP"]
    flac = media.make_flac(tmp_path / "poison.flac", seconds=2)
    asset_id = admin.ended(admin.upload(flac, kind="audio", filetype="audio/flac"))["asset_id"]
    fact = records_of(bootstrap, asset_id, [TOPIC])[0]
    why = {"group": "catalog.uploads", "reason": "bad_payload"}
    before = counted(stack, "media_dlq_records_total", **why)
    duplicates = counted(stack, "media_inbox_duplicates_total", group="catalog.uploads")

    poison(bootstrap, fact)

    found = eventually(
        lambda: letters(stack, asset_id),
        lambda entries: entries.keys() == GROUPS,
        within=30,
        saying="both groups should have given it up",
    )
    ours = found["catalog.uploads"]
    assert (ours["reason"], ours["state"]) == ("bad_payload", "undecided")
    assert counted(stack, "media_dlq_records_total", **why) == before + 1
    shown = reprise_json(stack, "dlq", "show", ours["id"])
    assert (shown["error"], shown["attempts"]) == ("common.errors.Corrupt", 1)

    again = reprise_json(stack, "dlq", "redrive", ours["id"], "--yes", status=1)
    assert "dead letter again" in again[0]["detail"]
    assert letters(stack, asset_id)["catalog.uploads"]["state"] == "came back"

    file = tmp_path / "mended.json"
    file.write_text(json.dumps(shown | {"value": json.loads(fact.value or b"")}))
    (done,) = reprise_json(stack, "dlq", "redrive", ours["id"], "--edit", str(file), "--yes")
    assert done["outcome"] == "taken"
    after = counted(stack, "media_inbox_duplicates_total", group="catalog.uploads")
    assert after == duplicates + 1, "it went to another group, or had its effect twice"

    reason = ["--reason", "the janitor had it"]
    reprise(stack, "dlq", "discard", found["janitor.uploads"]["id"], *reason, "--yes")
    assert letters(stack, asset_id) == {}
    assert letters(stack, asset_id, "--all").keys() == GROUPS


def test_a_paused_group_reads_nothing_until_it_is_resumed(stack: Stack, admin: Reprise) -> None:
    group = "upload-gateway.purges"
    reprise(stack, "consumers", "pause", group, "--reason", "a test", "--yes")
    try:
        eventually(
            lambda: counted(stack, "media_consumer_paused", group=group),
            lambda paused: paused == 1,
            within=15,
            saying="the process should see the row",
        )
        (state,) = reprise_json(stack, "consumers", "list", group, status=1)
        assert (state["state"], state["reason"]) == ("paused", "a test")
    finally:
        reprise(stack, "consumers", "resume", group, "--yes")
    eventually(
        lambda: counted(stack, "media_consumer_paused", group=group),
        lambda paused: paused == 0,
        within=15,
        saying="the process should read on",
    )


def test_a_system_at_rest_has_exactly_no_lag(stack: Stack) -> None:
    def late() -> dict[str, object]:
        return {one["group"]: one for one in reprise_json(stack, "lag") if one["records"]}

    eventually(late, lambda groups: not groups, within=30, saying="all should be handled")
    assert reprise_json(stack, "lag", "--max-seconds", "0")
