"""Kafka and all it held are gone: two commands bring the same records and the state back."""

import shutil

import pytest
from tests.e2e.client import eventually, fetch
from tests.faults.deaths import switch_on
from tests.faults.foreign_uploads import reprise
from tests.faults.inside import sample
from tests.faults.patient_client import PatientClient, Sent
from tests.faults.tiny_media import tiny_jpeg, tiny_wav

from devstack.history.of_stack import wait_until_quiet
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.long]


TOPICS = ("topics", "apply")
FACTS = ("outbox", "reseed", "--all", "--yes", "--no-wait")
STATE = ("state", "republish", "--yes")


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param((TOPICS, FACTS, STATE), id="topics first"),
        pytest.param((FACTS, TOPICS, STATE), id="facts first", marks=pytest.mark.long),
    ],
)
def test_a_lost_kafka_is_filled_again_and_every_acknowledged_upload_becomes_ready(
    client: PatientClient, faulted: Stack, commands: tuple[tuple[str, ...], ...]
) -> None:
    ready = client.upload(tiny_wav(), "ready.wav", "audio", "audio/wav")
    dead = client.upload(tiny_jpeg(), "dead.jpg", "image", "image/jpeg")
    for one in (ready, dead):
        client.finished(one)
    url = client.link(dead)
    client.delete(dead)
    refused(client, url)
    client.purged(dead)
    wait_until_quiet(faulted)  # else what is told late stands before what is told again
    unread = published_and_read_by_nobody(client, faulted)

    faulted.kill("kafka")
    shutil.rmtree(faulted.place.data("kafka"))
    faulted.start_process("kafka")
    for command in commands:
        reprise(faulted, *command)
    faulted.start_process("catalog")

    fresh = client.upload(tiny_jpeg(), "fresh.jpg", "image", "image/jpeg")
    for one in (ready, unread, fresh):
        client.finished(one)
        client.unchanged(one)
    refused(client, url)
    url = client.link(ready)
    client.delete(ready)
    refused(client, url)
    client.purged(ready)


def published_and_read_by_nobody(client: PatientClient, stack: Stack) -> Sent:
    """Kafka alone knows that it is stored: without its records nobody would ever work on it."""
    switch_on(stack, "catalog", "")
    stack.stop_process("catalog")
    sent = client.upload(tiny_wav(), "unread.wav", "audio", "audio/wav")
    eventually(
        lambda: unpublished(stack),
        lambda rows: rows == 0,
        within=20,
        saying="the gateway should have told it",
    )
    return sent


def unpublished(stack: Stack) -> int:
    return int(sample(stack, "upload-gateway", "media_outbox_pending_rows"))


def refused(client: PatientClient, url: str) -> None:
    eventually(
        lambda: fetch(url, origin=client.caller.origin).status_code,
        lambda status: status == 410,
        within=30,
        saying="what was deleted should not be served",
    )
