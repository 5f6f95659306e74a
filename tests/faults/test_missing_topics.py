"""Topics that nobody made, or that somebody removed: HTTP serves, the rest waits and says so."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from tests.e2e.client import Reprise, eventually
from tests.faults.inside import sample
from tests.faults.patient_client import PatientClient
from tests.faults.tiny_media import tiny_jpeg

from devstack.history.acks import Acks
from devstack.stack import Stack
from devstack.stack_for_tests import stack_for_tests

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.long]

CONSUMING = ("upload-gateway", "catalog", "transcoder", "janitor")
PUBLISHING = {
    "upload-gateway": 2,
    "catalog": 2,
    "transcoder": 2,
    "janitor": 1,
}  # own topics at least


@pytest.fixture(scope="module")
def bare() -> Iterator[Stack]:
    """Everything was set up once, and then every topic was removed, before any service ran."""
    with stack_for_tests() as stack:
        stack.start([*stack.infrastructure(), "setup"])
        remove_topics(stack)
        yield stack


def remove_topics(stack: Stack, *names: str) -> None:
    asyncio.run(_remove(stack.env["REPRISE_KAFKA_BOOTSTRAP"], names))


async def _remove(bootstrap: str, names: tuple[str, ...]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        known = [name for name in await admin.list_topics() if name.startswith("media.")]
        await admin.delete_topics(list(names or known))
    finally:
        await admin.close()


def apply_topics(stack: Stack) -> None:
    """What an operator does."""
    reprise = Path(sys.executable).with_name("reprise")
    subprocess.run([reprise, "topics", "apply"], env=stack.env, check=True, timeout=60)


def test_everything_starts_and_serves_without_topics_and_goes_on_when_they_are_made(
    bare: Stack, tmp_path: Path
) -> None:
    bare.start(CONSUMING)  # waits until each says that it is ready: topics are no condition of that
    bare.supervised("delivery").start()  # has no index before there is a log: not ready, and alive
    bare.start_process("nginx")
    (tmp_path / "acks").touch()
    caller = Reprise(bare.env["REPRISE_URL"], bare.env["REPRISE_ADMIN_TOKEN"])
    try:
        patient = PatientClient(caller, Acks(tmp_path / "acks"))
        sent = patient.upload(tiny_jpeg(), "early.jpg", "image", "image/jpeg")
        assert caller.http.get("/api/v1/admin/assets").status_code == 200
        for name in CONSUMING:
            seen(bare, name, "media_relay_topics_missing", at_least=1)
            assert running_consumers(bare, name) == 0
            assert httpx.get(f"http://127.0.0.1:{bare.port(name)}/livez").status_code == 200
            log = (bare.home / "log" / f"{name}.log").read_text()
            assert "no such topic" in log

        apply_topics(bare)
        patient.finished(sent)
        patient.unchanged(sent)
        for name in CONSUMING:
            seen(bare, name, "media_relay_topics_missing", at_most=0)
            assert running_consumers(bare, name) > 0
        bare.wait_ready("delivery")

        remove_topics(bare, "media.uploads.v1")
        late = patient.upload(tiny_jpeg(), "late.jpg", "image", "image/jpeg")
        seen(bare, "upload-gateway", "media_relay_topics_missing", at_least=1)
        seen(bare, "catalog", "media_consumer_running", at_most=0)
        assert caller.http.get("/api/v1/uploads").status_code == 200
        apply_topics(bare)
        patient.finished(late)
    finally:
        caller.close()


def seen(stack: Stack, name: str, metric: str, *, at_least: float = 0, at_most: float = 99) -> None:
    eventually(
        lambda: sample(stack, name, metric),
        lambda value: at_least <= value <= at_most,
        within=30,
        saying=f"{name} should show it by {metric}",
    )


def running_consumers(stack: Stack, name: str) -> float:
    return sample(stack, name, "media_consumer_running")
