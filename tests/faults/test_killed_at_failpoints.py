"""Wherever a process can die, it dies for real, and nothing is lost, doubled or reordered."""

import pytest
from _pytest.mark import ParameterSet
from tests.faults.deaths import Plan, Ward
from tests.faults.patient_client import PatientClient, Sent
from tests.faults.tiny_media import tiny_jpeg, tiny_wav

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WAVES: dict[str, Plan] = {
    "gateway": {
        "upload-gateway": (
            "gateway.before_intent",
            "gateway.after_intent",
            "gateway.after_create_multipart",
            "gateway.after_tail_stored",
            "gateway.after_part_stored",
            "gateway.after_part_committed",
            "gateway.before_complete",
            "gateway.after_complete",
            "gateway.after_stored",
            "gateway.after_end",
        ),
    },
    "publishing": {
        "upload-gateway": ("relay.after_fetch", "relay.before_commit"),
        "catalog": ("relay.before_commit", "relay.after_commit"),
        "transcoder": ("relay.after_commit", "relay.after_mark"),
        "janitor": ("relay.after_mark", "relay.after_fetch"),
    },
    "consuming": {
        "upload-gateway": ("consumer.after_effect",),
        "catalog": ("consumer.before_effect", "consumer.after_effect"),
        "transcoder": ("consumer.after_effect", "consumer.before_effect"),
        "janitor": ("consumer.before_effect", "consumer.after_effect"),
        "delivery": ("delivery.before_index_commit", "delivery.after_index_commit"),
    },
    "working": {
        "upload-gateway": ("jobs.after_run", "jobs.after_claim"),
        "catalog": ("catalog.before_grace_end", "catalog.after_grace_end"),
        "transcoder": (
            "jobs.after_claim",
            "transcoder.tool_running:4",
            "transcoder.after_output",
            "jobs.after_run",
        ),
        "janitor": (
            "jobs.after_claim",
            "janitor.after_object:2",
            "janitor.after_delete",
            "janitor.after_close",
        ),
    },
}


class Story:
    """Uploads, an upload that is given up, deletes: again and again while processes die."""

    def __init__(self, client: PatientClient) -> None:
        self.client = client
        self.kept: list[Sent] = []
        self.deleted: list[Sent] = []

    def go_on(self) -> None:
        self.client.abort(tiny_jpeg(), "given-up.jpg", "image", "image/jpeg")
        sent = self.client.upload(tiny_wav(), "set.wav", "audio", "audio/wav")
        self.client.finished(sent)
        if len(self.deleted) < len(self.kept):
            self.client.delete(sent)
            self.deleted.append(sent)
        else:
            self.kept.append(sent)


def deadly(wave: str) -> ParameterSet:
    """The wave, marked with every point somebody dies at in it."""
    points = [point.partition(":")[0] for plan in WAVES[wave].values() for point in plan]
    return pytest.param(WAVES[wave], id=wave, marks=pytest.mark.failpoint(*points))


@pytest.mark.parametrize("plan", [deadly(wave) for wave in WAVES])
def test_a_death_at_any_point_loses_nothing(
    client: PatientClient, faulted: Stack, plan: Plan
) -> None:
    story = Story(client)
    with Ward(faulted, plan).open() as ward:
        while ward.waiting():
            story.go_on()
    for sent in story.kept:
        client.finished(sent)
        client.unchanged(sent)
