"""What was committed while the broker was away, and survived a death, is told when it is back."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.client import Reprise, eventually
from tests.faults.inside import sample
from tests.faults.patient_client import PatientClient
from tests.faults.tiny_media import tiny_jpeg

from common.events import UploadCompleted, UploadStarted, decode
from common.events.topics import UPLOADS
from common.settings.groups import KafkaSettings
from common.testing.kafka import Record, read_all
from devstack.history.acks import Acks
from devstack.stack import Stack
from devstack.stack_for_tests import stack_for_tests

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.long]

GATEWAY = "upload-gateway"
UPLOADS_SENT = 100


@pytest.fixture
def gateway() -> Iterator[Stack]:
    """A gateway and what it stands on; nobody reads what it tells."""
    with stack_for_tests() as stack:
        stack.start([*stack.infrastructure(), "setup", GATEWAY])
        yield stack


@pytest.fixture
def client(gateway: Stack, tmp_path: Path) -> Iterator[PatientClient]:
    origin = f"http://127.0.0.1:{gateway.port(GATEWAY)}"
    caller = Reprise(origin, gateway.env["REPRISE_ADMIN_TOKEN"])
    yield PatientClient(caller, Acks(tmp_path / "acks.jsonl"))
    caller.close()


@pytest.fixture(autouse=True)
def sound_history() -> None:
    """The judgement of the other faults is over another stack, with everybody in it."""


@pytest.mark.req("CAT-03", "OBS-20")
def test_a_hundred_uploads_committed_without_a_broker_are_told_after_a_kill(
    gateway: Stack, client: PatientClient
) -> None:
    assert pending(gateway) == 0
    gateway.kill("kafka")
    asset_ids = {send(client) for _ in range(UPLOADS_SENT // 2)}
    half = eventually(
        lambda: pending(gateway),
        lambda rows: rows >= 2 * len(asset_ids),
        within=10,
        saying="the gauge should move while the broker is away",
    )
    age = oldest(gateway)

    gateway.kill(GATEWAY)
    gateway.start_process(GATEWAY)
    asset_ids |= {send(client) for _ in range(UPLOADS_SENT // 2)}
    eventually(
        lambda: pending(gateway),
        lambda rows: rows >= 2 * half,
        within=10,
        saying="the gauge should move on after a kill",
    )
    assert oldest(gateway) > age > 0
    gateway.kill(GATEWAY)

    gateway.start_process("kafka")
    gateway.start_process(GATEWAY)
    eventually(lambda: pending(gateway), lambda rows: rows == 0, within=60, saying="rows should go")
    assert oldest(gateway) == 0
    assert len(asset_ids) == UPLOADS_SENT
    told = history(gateway)
    assert set(told) == asset_ids
    for events in told.values():
        assert events == [(1, UploadStarted.TYPE), (2, UploadCompleted.TYPE)]


def send(client: PatientClient) -> str:
    return client.upload(tiny_jpeg(), "a.jpg", "image", "image/jpeg").asset_id


def pending(stack: Stack) -> float:
    return sample(stack, GATEWAY, "media_outbox_pending_rows")


def oldest(stack: Stack) -> float:
    return sample(stack, GATEWAY, "media_outbox_oldest_age_seconds")


def history(stack: Stack) -> dict[str, list[tuple[int, str]]]:
    """What the topic tells of each asset, without what came twice."""
    kafka = KafkaSettings(bootstrap=stack.env["REPRISE_KAFKA_BOOTSTRAP"])
    records = asyncio.run(
        read_all(
            kafka,
            UPLOADS,
            until=lambda found: len({id_of(record) for record in found}) >= 2 * UPLOADS_SENT,
        )
    )
    told: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
    for record in records:
        envelope = decode(record.key, record.headers, record.value).envelope
        told[(record.key or b"").decode()][str(envelope.id)] = (envelope.sequence, envelope.type)
    return {key: list(events.values()) for key, events in told.items()}


def id_of(record: Record) -> bytes:
    id_: bytes = dict(record.headers)["ce_id"]
    return id_
