"""`reprise parked` over a service's real rows."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from cli.tests.integration.operating import GROUP, Operator, run_with

from common.clock import SystemClock
from common.events import UploadWithdrawn, new_message
from common.events.record import SourceRecord
from common.events.topics import UPLOAD_GATEWAY
from common.ids import new_asset_id, new_upload_id
from common.postgres.engine import Database
from common.postgres.parked import PostgresParking

pytestmark = pytest.mark.integration

HOUR = timedelta(hours=1)


def park(operator: Operator, *sequences: int) -> tuple[str, list[UUID]]:
    """A key with these events waiting for an hour, as its consumer parks them."""
    asset, ids = new_asset_id(), list[UUID]()

    async def put(database: Database) -> None:
        for sequence in sequences:
            event = UploadWithdrawn(
                asset_id=asset, upload_id=new_upload_id(), user_id=new_asset_id(), kind="audio"
            )
            message = new_message(
                event, source=UPLOAD_GATEWAY, key=str(asset), sequence=sequence, clock=SystemClock()
            )
            headers = tuple(message.headers())
            key = str(asset).encode()
            record = SourceRecord(message.topic, 0, sequence, 0, key, headers, message.payload)
            await PostgresParking(database, GROUP).park(
                record,
                message.envelope,
                reason="asset_unknown",
                detail="see /m/k?t=v1.k1.priv.0.canarycanary",
                attempts=3,
                delay=HOUR,
            )
            ids.append(message.envelope.id)

    run_with(operator, "catalog", put)
    return str(asset), ids


def due(operator: Operator, key: str) -> list[bool]:
    found = operator.rows(
        "SELECT run_after <= clock_timestamp() AS due FROM parked WHERE key = $1 ORDER BY id", key
    )
    return [row["due"] for row in found]


def actions(operator: Operator) -> list[dict[str, Any]]:
    return operator.rows("SELECT command, parameters, outcome FROM operator_action ORDER BY id")


def test_each_key_is_listed_once_with_its_first_event(operator: Operator) -> None:
    key, ids = park(operator, 5, 4, 6)
    (found,) = operator.json("parked", "list", "--group", GROUP)
    assert (found["group"], found["key"], found["rows"]) == (GROUP, key, 3)
    assert (found["event_id"], found["sequence"]) == (str(ids[1]), 4)
    assert (found["reason"], found["attempts"]) == ("asset_unknown", 3)
    assert found["since"] < found["next"]
    assert "canarycanary" not in json.dumps(found)


def test_the_table_fits_a_terminal(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert operator("parked", "list") == "Nothing is parked.\n"
    key, _ = park(operator, 2)
    monkeypatch.setenv("COLUMNS", "100")
    out = operator("parked", "list")
    assert max(map(len, out.splitlines())) <= 100
    assert key in out


def test_a_retry_makes_one_key_or_all_of_a_group_due(operator: Operator) -> None:
    first, _ = park(operator, 2, 3)
    second, _ = park(operator, 2)
    assert "Would make 1 key of" in operator("parked", "retry", "--group", GROUP, "--key", first)
    assert due(operator, first) == [False, False]
    operator("parked", "retry", "--group", GROUP, "--key", first, "--yes")
    assert (due(operator, first), due(operator, second)) == ([True, True], [False])
    told = operator.json("parked", "retry", "--group", GROUP, "--yes")
    assert told == {"done": True, "group": GROUP, "keys": 2}
    assert due(operator, second) == [True]
    assert [one["command"] for one in actions(operator)] == ["parked retry"] * 2
    operator("parked", "retry", "--group", GROUP, "--key", "nobody", "--yes", status=1)
    assert "reprise parked list" in operator.said
    assert len(actions(operator)) == 2


def test_one_event_or_a_whole_key_is_discarded_with_a_warning(operator: Operator) -> None:
    key, ids = park(operator, 2, 3, 4)
    discard = ["parked", "discard", "--group", GROUP, "--reason", "test data"]
    assert "Would discard 1 event;" in operator(*discard, "--event", str(ids[0]))
    assert len(due(operator, key)) == 3
    operator(*discard, "--event", str(ids[0]), "--yes")
    assert "gap" in operator.said
    assert len(due(operator, key)) == 2
    assert operator.json(*discard, "--key", key, "--yes")["events"] == 2
    assert due(operator, key) == []
    first, second = actions(operator)
    assert json.loads(first["parameters"])["reason"] == "test data"
    assert json.loads(first["outcome"]) == {"events": [f"{ids[0]} #2"]}
    assert json.loads(second["outcome"]) == {"events": [f"{ids[1]} #3", f"{ids[2]} #4"]}


def test_a_discard_that_names_nothing_is_refused(operator: Operator) -> None:
    discard = ["parked", "discard", "--group", GROUP, "--reason", "x", "--yes"]
    operator(*discard, "--event", str(new_asset_id()), status=1)
    operator(*discard, "--key", "nobody", status=1)
    operator(*discard, status=2)
    operator("parked", "discard", "--group", GROUP, "--reason", " ", "--key", "k", status=2)
    operator("parked", "discard", "--group", "nobody", "--reason", "x", "--key", "k", status=2)
    assert actions(operator) == []


def test_a_discard_waits_for_the_try_that_is_under_way(operator: Operator) -> None:
    key, _ = park(operator, 2, 3)

    async def drains_meanwhile(database: Database) -> None:
        async with PostgresParking(database, GROUP).claim(key) as claim:
            assert claim is not None
            discarding = operator.in_thread(
                "parked", "discard", "--group", GROUP, "--reason", "x", "--key", key, "--yes"
            )
            await operator.blocked("catalog")
            await claim.done()
        discarding.join(timeout=20)

    run_with(operator, "catalog", drains_meanwhile)
    assert json.loads(actions(operator)[0]["outcome"])["events"][0].endswith("#3")
