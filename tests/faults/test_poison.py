"""Records nobody can take are set aside with their reason, and no other key waits for them."""

import json

import pytest
from tests.e2e.client import eventually, upload_at
from tests.e2e.kafka_log import records_of
from tests.faults.deaths import Plan, Ward
from tests.faults.foreign_uploads import (
    Foreigner,
    aborted,
    nameless,
    reprise,
    started,
    unreadable,
    withdrawn,
)
from tests.faults.patient_client import PatientClient
from tests.faults.raw_log import partition_of
from tests.faults.tiny_media import tiny_jpeg

from common.events.topics import UPLOADS, dead_letter_topic
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180), pytest.mark.long]

READERS = ("catalog.uploads", "janitor.uploads")


def test_records_that_nobody_can_take_keep_no_other_key_waiting(
    client: PatientClient, faulted: Stack, foreigner: Foreigner
) -> None:
    data = tiny_jpeg()
    location = client.create(data, "behind.jpg", "image", "image/jpeg")
    status = client.ask("GET", f"/api/v1/uploads/{upload_at(location).upload_id}").json()
    partition = partition_of(UPLOADS, status["asset_id"])
    strange, broken, anonymous, failing = (foreigner.key(partition) for _ in range(4))
    foreigner.write(
        started(strange, **{"x-foreign": b"\xff\xfe"}),
        unreadable(broken),
        nameless(anonymous),
        withdrawn(failing, 5),  # four facts before it are missing: its handler refuses it for ever
        withdrawn(failing, 6),
    )

    try:
        client.send(location, data)
        sent = client.stored(location, data)
        client.finished(sent)
        client.unchanged(sent)
        waiting = parked(faulted, failing, rows=2)
        assert (waiting["sequence"], waiting["reason"]) == (5, "asset_unknown")
    finally:
        give_up(faulted, failing)
    state_of(client, strange, "uploading")  # a header that is no text is not the record's fault
    for group in READERS:
        assert reasons(faulted, group, broken) == ["bad_payload"]
        assert reasons(faulted, group, anonymous) == ["bad_envelope"]
    foreigner.write(aborted(strange))
    state_of(client, strange, "abandoned")


PLAN: Plan = {
    "catalog": ("consumer.after_park", "consumer.after_drain", "consumer.after_dead_letter")
}


@pytest.mark.failpoint(*PLAN["catalog"])
def test_a_consumer_killed_while_it_sets_a_record_aside_forgets_none(
    client: PatientClient, faulted: Stack, foreigner: Foreigner
) -> None:
    late: list[str] = []
    broken: list[str] = []
    with Ward(faulted, PLAN).open() as ward:
        while ward.waiting():
            late.append(foreigner.key())
            broken.append(foreigner.key())
            foreigner.write(aborted(late[-1]), unreadable(broken[-1]), started(late[-1]))
            client.finished(client.upload(tiny_jpeg(), "other.jpg", "image", "image/jpeg"))
    for key in late:
        state_of(client, key, "abandoned")
    for key in broken:
        # a death between the letter and the offset writes it again: the same letter
        assert set(reasons(faulted, "catalog.uploads", key)) == {"bad_payload"}


def state_of(client: PatientClient, key: str, state: str) -> None:
    client.until(f"/api/v1/admin/assets/{key}", "state", state)


def reasons(stack: Stack, group: str, key: str) -> list[str]:
    """Why the group gave up records of this key, once it has."""
    bootstrap, topic = stack.env["REPRISE_KAFKA_BOOTSTRAP"], dead_letter_topic(UPLOADS, group).name
    found = eventually(
        lambda: records_of(bootstrap, key, [topic]),
        lambda records: len(records) > 0,
        within=20,
        saying=f"{group} should have a dead letter of {key}",
    )
    return [dict(record.headers)["dlq_reason"].decode() for record in found]


def parked(stack: Stack, key: str, *, rows: int) -> dict[str, object]:
    """What an operator is shown of a key, once so many records of it wait."""

    def shown() -> dict[str, object]:
        every = json.loads(reprise(stack, "parked", "list", "--group", "catalog.uploads", "--json"))
        return next((one for one in every if one["key"] == key), {"rows": 0})

    return eventually(
        shown,
        lambda found: found["rows"] == rows,
        within=20,
        saying=f"{rows} records of {key} should wait",
    )


def give_up(stack: Stack, key: str) -> None:
    """As an operator does once it is clear that nobody needs it."""
    what = ("--group", "catalog.uploads", "--key", key, "--reason", "never an upload of ours")
    reprise(stack, "parked", "discard", *what, "--yes")
