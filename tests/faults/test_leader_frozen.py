"""A leader that is stopped after its lock check and goes on later publishes nothing any more."""

import json
import signal
import time

import httpx
import pytest
from tests.e2e.client import eventually
from tests.faults.deaths import log_size, sleeps_at, switch_on
from tests.faults.inside import sample
from tests.faults.patient_client import PatientClient
from tests.faults.raw_log import as_provided, compact_at_once, values_of
from tests.faults.tiny_media import tiny_jpeg

from common.events.topics import CATALOG_STATE
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.long]

LONG_GRACE = {"REPRISE_DELETE_GRACE": "600"}


def test_a_frozen_leader_is_fenced_and_leaves_nothing_stale_in_the_compacted_topic(
    client: PatientClient, faulted: Stack
) -> None:
    sent = client.upload(tiny_jpeg(), "frozen.jpg", "image", "image/jpeg")
    client.finished(sent)
    key, bootstrap = f"asset/{sent.asset_id}", faulted.env["REPRISE_KAFKA_BOOTSTRAP"]
    switch_on(faulted, "catalog", "relay.after_fetch=sleep:0.5:1", **LONG_GRACE)
    switch_on(faulted, "catalog-2", "", **LONG_GRACE)
    mark = log_size(faulted, "catalog")
    faulted.stop_process("catalog")
    faulted.start_process("catalog")
    try:
        client.delete(sent)  # hidden: the frozen leader holds this state in its hands
        eventually(
            lambda: sleeps_at(faulted, "catalog", "relay.after_fetch", mark),
            bool,
            within=20,
            saying="the leader should have read its batch",
        )
        faulted.kill("catalog", signal.SIGSTOP)
        faulted.start_process("catalog-2")
        led_by(faulted, "catalog-2")
        restored = restore(client, faulted, sent.asset_id)
        published(bootstrap, key, restored)

        faulted.kill("catalog", signal.SIGCONT)
        eventually(
            lambda: sample(faulted, "catalog", "media_relay_leader"),
            lambda leader: leader == 0,
            within=30,
            saying="the old leader should stand by",
        )
        assert sample(faulted, "catalog", "media_relay_fenced_total") >= 1
        assert sample(faulted, "catalog-2", "media_relay_leader") == 1
        # more is published behind it, so that the cleaner may have all of it
        compact_at_once(bootstrap, CATALOG_STATE)
        only_the_newest(client, bootstrap, key, restored)
        client.finished(sent)
        client.unchanged(sent)
    finally:
        as_provided(bootstrap)
        faulted.stop_process("catalog-2")
        switch_on(faulted, "catalog", "")
        faulted.stop_process("catalog")
        faulted.start_process("catalog")


def led_by(stack: Stack, name: str) -> None:
    eventually(
        lambda: sample(stack, name, "media_relay_leader"),
        lambda leader: leader == 1,
        within=40,  # the database ends the frozen session after 15 s
        saying=f"{name} should lead",
    )


def restore(client: PatientClient, stack: Stack, asset_id: str) -> int:
    """By the second process, which alone answers; the sequence of the newest state."""
    answer = httpx.post(
        f"http://127.0.0.1:{stack.port('catalog-2')}/api/v1/admin/assets/{asset_id}/restore",
        headers=client.caller.headers,
        timeout=15,
    )
    assert answer.status_code == 200, answer.text
    generation: int = answer.json()["generation"]
    return generation


def published(bootstrap: str, key: str, generation: int) -> None:
    eventually(
        lambda: generations(bootstrap, key),
        lambda found: found[-1:] == [generation],
        within=20,
        saying="the new leader should publish what is true now",
    )


def generations(bootstrap: str, key: str) -> list[int]:
    """Of every record of the key in the log, zombies' included, by offset."""
    return [
        json.loads(value)["generation"]
        for _, value in values_of(bootstrap, CATALOG_STATE, key)
        if value is not None
    ]


def only_the_newest(client: PatientClient, bootstrap: str, key: str, generation: int) -> None:
    """After the cleaner came by; each upload closes a segment for it."""
    deadline = time.monotonic() + 60
    while (found := generations(bootstrap, key)) != [generation]:
        assert time.monotonic() < deadline, f"{key}: {found}"
        client.finished(client.upload(tiny_jpeg(), "next.jpg", "image", "image/jpeg"))
