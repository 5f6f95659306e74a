"""`reprise dlq` over the real broker and the services' real tables."""

import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cli.tests.integration.operating import (
    GROUP,
    TOPIC,
    Operator,
    a_consumer_that,
    give_up,
    refuses,
    takes,
)

pytestmark = pytest.mark.integration


def audit(operator: Operator) -> list[dict[str, Any]]:
    found = operator.rows("SELECT * FROM operator_action ORDER BY id")
    return [
        row | {name: json.loads(row[name]) for name in ("parameters", "outcome")} for row in found
    ]


def parked(operator: Operator, key: str) -> list[dict[str, Any]]:
    return operator.rows("SELECT * FROM parked WHERE key = $1", key)


def test_a_dead_letter_is_listed_with_its_place_and_reason(operator: Operator) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key, "--group", GROUP, "--since", "1h")
    assert (found["group"], found["topic"], found["partition"]) == (GROUP, TOPIC.name, 3)
    assert (found["offset"], found["reason"]) == (given.record.offset, "bad_payload")
    assert (found["type"], found["event_id"]) == ("reprise.upload.withdrawn.v1", given.event_id)
    assert (found["state"], found["attempts"], found["copies"]) == ("undecided", 5, 1)
    assert operator.letters(given.key, "--reason", "other") == []
    groups = operator.json("dlq", "list", "--group", GROUP)["groups"]
    assert [one["group"] for one in groups] == [GROUP]
    assert groups[0]["undecided"] >= 1
    assert groups[0]["oldest_seconds"] >= 0


def test_copies_of_one_record_are_one_entry(operator: Operator) -> None:
    given = give_up(operator.kafka)
    give_up(operator.kafka, record=given.record, reason="unexpected")
    (found,) = operator.letters(given.key)
    assert (found["copies"], found["reason"]) == (2, "unexpected")


def test_the_tables_fit_a_terminal_and_say_what_to_do_next(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    give_up(operator.kafka)
    out = operator("dlq", "list", "--limit", "5")
    assert max(map(len, out.splitlines())) <= 100
    assert "reprise dlq show ID" in out
    assert TOPIC.name in out


def test_one_is_shown_in_full_without_the_tokens_in_its_reason(operator: Operator) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key)
    out = operator("dlq", "show", found["id"][:8])
    assert given.key in out
    assert "ValueError" in out
    told = operator.json("dlq", "show", found["id"])
    assert told["headers"]["ce_id"] == given.event_id
    assert told["value"]["asset_id"] == given.key
    assert "canarycanary" not in out + json.dumps(told)


def test_a_record_that_is_no_event_is_shown_and_can_only_be_discarded(operator: Operator) -> None:
    strange = [("ce_id", b"\xff\xfe"), ("x", None)]
    given = give_up(operator.kafka, value=b"\xffnot json", headers=lambda _: strange)
    (found,) = operator.letters(given.key)
    assert (found["type"], found["event_id"]) == (None, None)
    assert "base64" in operator("dlq", "show", found["id"])
    operator("dlq", "redrive", found["id"], "--yes", "--wait", "0", status=1)
    assert "no event of ours" in operator.said
    assert "--edit FILE" in operator.said
    operator("dlq", "discard", found["id"], "--reason", "noise", "--yes")
    assert operator.letters(given.key) == []


def test_nothing_changes_without_yes(operator: Operator) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key)
    for arguments in (["redrive"], ["discard", "--reason", "x"]):
        out = operator("dlq", *arguments, found["id"])
        assert "nothing was changed" in out
    assert operator.letters(given.key)[0]["state"] == "undecided"
    assert parked(operator, given.key) == []
    assert audit(operator) == []


def test_a_redriven_record_waits_for_its_own_group_byte_for_byte(operator: Operator) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key)
    (done,) = operator.json("dlq", "redrive", found["id"], "--yes", "--wait", "0")
    assert done["outcome"] == "redriven"
    (row,) = parked(operator, given.key)
    assert (row["consumer"], row["origin"], row["attempts"]) == (GROUP, "dead_letter", 0)
    assert (row["value"], row["record_key"]) == (given.record.value, given.record.key)
    assert (row["kafka_partition"], row["kafka_offset"]) == (3, given.record.offset)
    assert [name for name, _ in json.loads(row["headers"])] == [n for n, _ in given.record.headers]
    for service in ("janitor", "transcoder", "upload-gateway"):
        assert operator.rows("SELECT id FROM parked", service=service) == []
    (action,) = audit(operator)
    assert (action["operator"], action["command"]) == ("ada", "dlq redrive")
    assert action["parameters"]["event_id"] == given.event_id
    assert action["outcome"] == {"redrives": 1}
    assert operator.letters(given.key) == []
    assert operator.letters(given.key, "--all")[0]["state"] == "redriven"


def test_redriving_twice_does_not_double(operator: Operator) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key)
    operator("dlq", "redrive", found["id"], "--yes", "--wait", "0")
    (again,) = operator.json("dlq", "redrive", found["id"], "--yes", "--wait", "0")
    assert again["outcome"] == "waiting already"
    assert len(parked(operator, given.key)) == 1
    assert len(audit(operator)) == 1


def test_one_that_fails_again_is_undecided_again_and_its_redrives_are_counted(
    operator: Operator,
) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key)

    async def gives_up(connection: asyncpg.Connection, row: Any) -> None:
        await takes(connection, row)

    with a_consumer_that(operator, gives_up):
        operator("dlq", "redrive", found["id"], "--yes")
    give_up(operator.kafka, record=given.record)
    (back,) = operator.letters(given.key)
    assert (back["state"], back["copies"], back["redrives"]) == ("came back", 2, 1)
    with a_consumer_that(operator, takes):
        operator("dlq", "redrive", found["id"], "--yes", "--operator", "grace")
    assert [action["outcome"]["redrives"] for action in audit(operator)] == [1, 2]
    assert audit(operator)[-1]["operator"] == "grace"


def test_what_becomes_of_a_redriven_record_is_told(operator: Operator) -> None:
    taken, refused = give_up(operator.kafka), give_up(operator.kafka)
    with a_consumer_that(operator, takes):
        (found,) = operator.letters(taken.key)
        assert operator.json("dlq", "redrive", found["id"], "--yes")[0]["outcome"] == "taken"
    with a_consumer_that(operator, refuses):
        (found,) = operator.letters(refused.key)
        (done,) = operator.json("dlq", "redrive", found["id"], "--yes", status=1)
    assert done["outcome"] == "failed"
    assert "asset_unknown" in done["detail"]


def test_many_are_stopped_after_failures_in_a_row(operator: Operator) -> None:
    give_up(operator.kafka, reason="stumbled", headers=lambda _: [])
    given = [give_up(operator.kafka, reason="stumbled") for _ in range(5)]
    arguments = ["--group", GROUP, "--reason", "stumbled", "--rate", "50"]
    assert "Would redrive 5" in operator("dlq", "redrive", *arguments)
    assert "left out: 1 record" in operator.said
    with a_consumer_that(operator, refuses) as tried:
        done = operator.json("dlq", "redrive", *arguments, "--stop-after", "2", "--yes", status=1)
    assert [one["outcome"] for one in done] == ["failed", "failed"]
    assert tried == [one.event_id for one in given[:2]]
    with a_consumer_that(operator, takes):
        done = operator.json("dlq", "redrive", *arguments, "--max", "2", "--yes")
    assert [one["outcome"] for one in done] == ["taken", "taken"]
    assert operator.letters(given[4].key) != []


def test_a_group_that_nobody_runs_is_told_in_time(operator: Operator) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key)
    operator("consumers", "pause", GROUP, "--reason", "while we look", "--yes")
    (done,) = operator.json("dlq", "redrive", found["id"], "--yes", "--wait", "0.5", status=1)
    assert done["outcome"] == "not tried"
    assert f"reprise consumers resume {GROUP} --yes" in operator.said


def test_an_edited_record_is_handed_back_under_its_own_id(
    operator: Operator, tmp_path: Path
) -> None:
    given = give_up(operator.kafka, value=b'{"asset_id": 7}')
    (found,) = operator.letters(given.key)
    document = operator.json("dlq", "show", found["id"])
    good = json.loads(give_up(operator.kafka).record.value or b"")
    document["value"] = good | {"asset_id": given.key}
    file = tmp_path / "mended.json"
    file.write_text(json.dumps(document))
    operator("dlq", "redrive", found["id"], "--edit", str(file), "--yes", "--wait", "0")
    (row,) = parked(operator, given.key)
    assert json.loads(row["value"]) == document["value"]
    assert str(row["event_id"]) == given.event_id
    edited = audit(operator)[0]["parameters"]["edited"]
    assert edited["fields"] == ["asset_id", "kind", "upload_id", "user_id"]
    assert edited["sha256_before"] != edited["sha256_after"]
    assert good["user_id"] not in json.dumps(audit(operator), default=str)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["value"].update(asset_id=7), "bad asset_id"),
        (lambda d: d["value"].update(surname="x"), "has no surname"),
        (lambda d: d["headers"].update(ce_id="0195d4a0-0000-7000-8000-000000000001"), "must stay"),
        (lambda d: d["headers"].update(ce_type="reprise.nothing.v1"), "no type of this version"),
        (lambda d: d.pop("value"), "no object `value`"),
        (lambda d: d["value"].update(kind="[scrubbed]"), "never in the record"),
    ],
)
def test_an_edit_that_is_not_right_is_refused_in_a_sentence(
    operator: Operator, tmp_path: Path, change: Any, says: str
) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key)
    document = operator.json("dlq", "show", found["id"])
    change(document)
    file = tmp_path / "mended.json"
    file.write_text(json.dumps(document))
    for arguments in ([], ["--yes", "--wait", "0"]):
        operator("dlq", "redrive", found["id"], "--edit", str(file), *arguments, status=1)
        assert says in operator.said
    assert "dlq show ID --json" in operator.said
    assert parked(operator, given.key) == []


def test_a_discarded_one_leaves_its_reason(operator: Operator) -> None:
    given = give_up(operator.kafka)
    (found,) = operator.letters(given.key)
    reason = "a test client sent ?t=v1.k1.priv.0.canarycanary"
    operator("dlq", "discard", found["id"], "--reason", reason, "--yes")
    assert operator.letters(given.key) == []
    assert operator.letters(given.key, "--all")[0]["state"] == "discarded"
    (action,) = audit(operator)
    assert action["command"] == "dlq discard"
    assert "a test client sent" in action["parameters"]["reason"]
    assert "canarycanary" not in json.dumps(action, default=str)
    assert parked(operator, given.key) == []


def test_ids_that_name_nothing_or_too_much_are_refused(operator: Operator) -> None:
    operator("dlq", "show", "0" * 64, status=1)
    assert re.search(r"no dead letter has the id 0+\n`reprise dlq list --all`", operator.said)
    operator("dlq", "redrive", status=2)
    operator("dlq", "redrive", "abc", "--group", GROUP, status=2)
    operator("dlq", "list", "--group", "nobody", status=2)
    assert "catalog.uploads" in operator.said
