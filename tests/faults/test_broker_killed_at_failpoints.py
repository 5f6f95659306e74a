"""The broker dies while relays and consumers stand at a point: nothing lost, none reordered."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.e2e.client import eventually
from tests.faults.deaths import log_size, sleeps_at, switch_on
from tests.faults.patient_client import PatientClient
from tests.faults.tiny_media import tiny_jpeg, tiny_wav

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.long]

RELAY = ("after_fetch", "before_commit", "after_commit", "after_mark")
CONSUMERS = ("upload-gateway", "catalog", "transcoder", "janitor")
NAP = 4  # seconds: the broker is dead before it ends, and not yet back
# who stands where when the broker dies: an upload begun and an asset deleted bring all there
MOMENTS: dict[str, Mapping[str, str]] = {
    "nothing sent, nothing marked": {
        "upload-gateway": "relay.after_fetch",
        "catalog": "relay.after_commit",
        "transcoder": "consumer.after_effect",
        "janitor": "consumer.before_effect",
    },
    "a transaction open, all marked": {
        "upload-gateway": "relay.before_commit",
        "catalog": "relay.after_mark",
        "transcoder": "consumer.before_effect",
        "janitor": "consumer.after_effect",
    },
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_broker_killed_at_any_point_loses_and_reorders_nothing(
    client: PatientClient, faulted: Stack, moment: str
) -> None:
    hurt_broker(client, faulted, MOMENTS[moment])


# an upload begun and an asset deleted bring these two relays and all consumers to their points
ALONE = [
    *((name, f"relay.{at}") for name in ("upload-gateway", "catalog") for at in RELAY),
    *((name, f"consumer.{at}") for name in CONSUMERS for at in ("before_effect", "after_effect")),
]


@pytest.mark.long
@pytest.mark.parametrize(("name", "point"), ALONE)
def test_a_broker_killed_while_one_stands_at_a_point_loses_and_reorders_nothing(
    client: PatientClient, faulted: Stack, name: str, point: str
) -> None:
    hurt_broker(client, faulted, {name: point})


def hurt_broker(client: PatientClient, stack: Stack, points: Mapping[str, str]) -> None:
    """Bring everybody to its point, kill the broker there, let all of it go on."""
    deleted = client.upload(tiny_jpeg(), "deleted.jpg", "image", "image/jpeg")
    client.finished(deleted)
    marks = napping(stack, points)
    data = tiny_wav()
    location = client.create(data, "begun.wav", "audio", "audio/wav")
    client.delete(deleted)
    eventually(
        lambda: [name for name in points if not sleeps_at(stack, name, points[name], marks[name])],
        lambda awake: not awake,
        within=20,
        saying="each should come to its point; these did not",
    )
    stack.kill("kafka")
    client.send(location, data)  # nobody who uploads notices
    stack.start_process("kafka")
    sent = client.stored(location, data)
    client.finished(sent)
    client.unchanged(sent)
    client.purged(deleted)


def napping(stack: Stack, points: Mapping[str, str]) -> dict[str, int]:
    """Start these processes anew, each with one nap ahead; where their logs end now."""
    marks = {name: log_size(stack, name) for name in points}
    for name, point in points.items():
        switch_on(stack, name, f"{point}=sleep:{NAP}:1")
    with ThreadPoolExecutor(len(points)) as pool:
        list(pool.map(stack.stop_process, points))
        list(pool.map(stack.start_process, points))
    for name in points:
        switch_on(stack, name, "")
    return marks
