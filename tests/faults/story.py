"""What goes on while processes die: uploads, one that is given up, deletes, again and again."""

import pytest
from _pytest.mark import ParameterSet
from tests.faults.deaths import Plan, Ward
from tests.faults.patient_client import PatientClient, Sent
from tests.faults.tiny_media import tiny_jpeg, tiny_wav

from devstack.stack import Stack


class Story:
    """Keeps every other asset, so that both its life and its end go through all services."""

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


def deadly(plan: Plan, name: str) -> ParameterSet:
    """The plan as a parameter, marked with every point somebody dies at in it."""
    points = [point.partition(":")[0] for points in plan.values() for point in points]
    return pytest.param(plan, id=name, marks=pytest.mark.failpoint(*points))


def killed_while_it_goes_on(client: PatientClient, faulted: Stack, plan: Plan) -> None:
    """Uploads and deletes until everybody has died of everything; what was kept is whole."""
    story = Story(client)
    with Ward(faulted, plan).open() as ward:
        while ward.waiting():
            story.go_on()
    for sent in story.deleted:
        client.purged(sent)
    for sent in story.kept:
        client.finished(sent)
        client.unchanged(sent)
