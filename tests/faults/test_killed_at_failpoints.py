"""Wherever a process can die, it dies for real, and nothing is lost, doubled or reordered."""

import pytest
from tests.faults.deaths import Plan
from tests.faults.known_bytes import all_are_known, keys_in_store
from tests.faults.patient_client import PatientClient
from tests.faults.story import deadly, killed_while_it_goes_on

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

GATEWAY = "gateway"
WAVES: dict[str, Plan] = {
    GATEWAY: {
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


@pytest.mark.parametrize("plan", [deadly(WAVES[wave], wave) for wave in WAVES if wave != GATEWAY])
def test_a_death_at_any_point_loses_nothing(
    client: PatientClient, faulted: Stack, plan: Plan
) -> None:
    killed_while_it_goes_on(client, faulted, plan)


@pytest.mark.req("CAT-01")
@pytest.mark.parametrize("plan", [deadly(WAVES[GATEWAY], GATEWAY)])
def test_a_gateway_killed_at_every_step_leaves_no_bytes_that_no_row_knows(
    client: PatientClient, faulted: Stack, plan: Plan
) -> None:
    before = keys_in_store(faulted)
    killed_while_it_goes_on(client, faulted, plan)
    all_are_known(faulted, before)
