"""Two processes of a service share the work; one is stopped and one killed in the middle of it."""

import pytest
from tests.e2e.client import eventually
from tests.faults.deaths import log_size, sleeps_at, switch_on
from tests.faults.patient_client import PatientClient
from tests.faults.tiny_media import tiny_wav

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.long]

UPLOADS = 12  # over twelve partitions, so that each of two members gets some


def test_work_in_flight_of_a_stopped_and_of_a_killed_consumer_is_done_once(
    client: PatientClient, faulted: Stack
) -> None:
    """What each effect is made of twice, the history's checker finds after this test."""
    points = {"catalog-2": "consumer.before_effect", "transcoder-2": "consumer.after_effect"}
    marks = {name: log_size(faulted, name) for name in points}
    switch_on(faulted, "catalog-2", "consumer.before_effect=sleep:1")
    switch_on(faulted, "transcoder-2", "consumer.after_effect=sleep:30:1")
    for name in points:
        faulted.start_process(name)
    try:
        sent = [
            client.upload(tiny_wav(), "shared.wav", "audio", "audio/wav") for _ in range(UPLOADS)
        ]
        eventually(
            lambda: [name for name in points if not at_work(faulted, name, points, marks)],
            lambda idle: not idle,
            within=30,
            saying="both second processes should have work in flight; these have none",
        )
        faulted.kill("transcoder-2")
        faulted.stop_process("catalog-2")
    finally:
        for name in points:
            faulted.stop_process(name)
            switch_on(faulted, name, "")
    for one in sent:
        client.finished(one)
        client.unchanged(one)


def at_work(stack: Stack, name: str, points: dict[str, str], marks: dict[str, int]) -> bool:
    return sleeps_at(stack, name, points[name], marks[name])
