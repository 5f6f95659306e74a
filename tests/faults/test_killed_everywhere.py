"""The exhaustive walk: everybody dies alone at each of its points, at its first three passes."""

import pytest
from tests.faults.deaths import Plan
from tests.faults.patient_client import PatientClient
from tests.faults.story import deadly, killed_while_it_goes_on

from common.failpoints import POINTS
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(300)]

SERVICES = ("upload-gateway", "catalog", "transcoder", "janitor")
WITH_JOBS = ("upload-gateway", "transcoder", "janitor")
# whose points these are, by the first word of their names
WHOSE = {
    "gateway": ("upload-gateway",),
    "catalog": ("catalog",),
    "transcoder": ("transcoder",),
    "delivery": ("delivery",),
    "janitor": ("janitor",),
    "relay": SERVICES,
    "consumer": SERVICES,
    "jobs": WITH_JOBS,
}
# passed by commands, or only with records that nobody can take: killed where those are tested
ELSEWHERE = {
    "consumer.after_park",
    "consumer.after_drain",
    "consumer.after_dead_letter",
    *(point for point in POINTS if "rebuild" in point or "swap" in point),
}
WALK = [
    (name, point)
    for point in sorted(POINTS.keys() - ELSEWHERE)
    for name in WHOSE.get(point.split(".")[0], ())
]


@pytest.mark.parametrize(
    "plan",
    [deadly({name: [f"{p}:{nth}" for nth in (1, 2, 3)]}, f"{name} at {p}") for name, p in WALK],
)
def test_a_death_of_one_at_any_of_its_points_and_passes_loses_nothing(
    client: PatientClient, faulted: Stack, plan: Plan
) -> None:
    """At its second or third pass it dies in the middle of a batch, a plan or an order."""
    killed_while_it_goes_on(client, faulted, plan)
