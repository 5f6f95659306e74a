"""The checker accepts what the system may do and rejects every single thing it may not."""

from dataclasses import replace

import pytest
from devstack.tests.unit.history import mutations
from devstack.tests.unit.history.lives import LIVES, world
from devstack.tests.unit.history.mutations import KINDS, Mutation
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from common import events
from devstack.history.check import check
from devstack.history.model import History, Standing

histories = st.builds(
    world,
    st.lists(st.sampled_from(LIVES), min_size=1, max_size=5),
    st.sets(st.integers(0, 20), max_size=6),
    st.integers(1, 9),
)


def kinds(history: History) -> set[str]:
    return {violation.kind for violation in check(history)}


@pytest.mark.parametrize("life", LIVES)
def test_each_life_is_a_valid_history(life: str) -> None:
    assert check(world([life])) == []


def test_a_lost_event_is_rejected_as_lost() -> None:
    history = world(["ready", "purged"])
    gone = next(r for r in history.records if r.type == events.UploadCompleted.TYPE)
    rest = tuple(record for record in history.records if record is not gone)
    assert "lost" in kinds(replace(history, records=rest))


def test_a_doubled_effect_is_rejected_as_doubled() -> None:
    history = world(["ready", "purged"])
    job = next(effect for effect in history.effects if effect[0] == "transcoder")
    assert kinds(replace(history, effects=(*history.effects, job))) == {"doubled"}


def test_a_reordered_log_is_rejected_as_reordered() -> None:
    broken = mutations.swap_records(world(["ready", "purged"]), 1)
    assert broken is not None
    assert kinds(broken) == {"reordered"}


def test_a_hole_in_a_sequence_is_rejected_as_a_gap() -> None:
    history = world(["purged"])
    middle = next(row for row in history.rows if row.type == events.AssetReady.TYPE)
    broken = replace(
        history,
        rows=tuple(row for row in history.rows if row is not middle),
        records=tuple(r for r in history.records if r.event_id != middle.event_id),
    )
    assert kinds(broken) == {"unacknowledged_gap"}


def test_an_acknowledged_upload_without_a_row_is_rejected_as_lost() -> None:
    history = world(["open"])
    assert kinds(replace(history, uploads=())) == {"lost"}


def test_acknowledged_bytes_that_the_ledger_forgot_are_rejected_as_lost() -> None:
    history = world(["open"])
    shrunk = tuple(replace(upload, offset=99) for upload in history.uploads)
    assert kinds(replace(history, uploads=shrunk)) == {"lost"}


@pytest.mark.parametrize("state", ["processing", "uploading"])
def test_a_stored_upload_that_never_becomes_anything_is_rejected_as_lost(state: str) -> None:
    history = world(["ready"])
    waiting = tuple(
        replace(s, state=state) if s.service == "catalog" else s for s in history.standings
    )
    assert kinds(replace(history, standings=waiting)) == {"lost"}
    assert check(replace(history, standings=waiting, quiet=False)) == []


def test_an_acknowledged_delete_without_a_fact_is_rejected_as_lost() -> None:
    history = world(["ready", "deleted"])
    other = next(s.asset_id for s in history.standings if s.state == "ready")
    acks = tuple(
        replace(ack, asset_id=other) if ack.what == "asset.deleted" else ack for ack in history.acks
    )
    assert kinds(replace(history, acks=acks)) == {"lost"}


def test_a_second_delete_needs_a_fact_of_its_own_and_a_repeated_one_does_not() -> None:
    history = world(["deleted"])
    (delete,) = [ack for ack in history.acks if ack.what == "asset.deleted"]
    again = replace(delete, at=delete.at + 1)
    assert check(replace(history, acks=(*history.acks, again))) == []
    restore = replace(again, what="asset.restored")
    later = replace(delete, at=delete.at + 2)
    found = check(replace(history, acks=(*history.acks, restore, later)))
    assert {one.detail.split(", and ")[1] for one in found} == {"no fact says so", "too few facts"}


def test_an_asset_whose_tables_claim_facts_that_are_nowhere_is_rejected() -> None:
    """A dual write that forgot its outbox leaves neither a row nor a record to compare."""
    key = "01890a5d-ac96-774b-bcce-b302099a8057"
    claims = {("media.assets.v1", key): 2, ("media.catalog-state.v1", f"asset/{key}"): 1}
    assert kinds(History(told=claims)) == {"unacknowledged_gap", "lost"}


@pytest.mark.parametrize("service", ["catalog", "janitor", "transcoder", "delivery"])
def test_a_dead_asset_that_any_service_has_living_is_rejected_as_resurrected(service: str) -> None:
    history = world(["purged", "ready"])
    dead = next(s.asset_id for s in history.standings if s.state == "purged")
    risen = Standing(service, dead, "ready", alive=True)
    assert kinds(replace(history, standings=(*history.standings, risen))) == {"resurrected"}


def test_a_living_state_record_after_the_tombstone_is_rejected_as_resurrected() -> None:
    history = world(["purged"])
    last = max((r for r in history.records if "asset/" in r.key), key=lambda r: r.sequence)
    risen = mutations._appended(
        history,
        replace(
            next(row for row in history.rows if row.event_id == last.event_id),
            event_id="risen",
            sequence=last.sequence + 1,
            payload=b'{"state": "ready"}',
        ),
    )
    assert kinds(risen) == {"resurrected"}


def test_two_partitions_of_one_key_are_rejected_as_reordered() -> None:
    history = world(["ready"])
    first = next(r for r in history.records if r.type == events.MediaProbed.TYPE)
    moved = replace(first, partition=first.partition + 1)
    broken = replace(
        history,
        records=tuple(moved if r is first else r for r in history.records),
        rows=tuple(
            replace(r, partition=moved.partition) if r.event_id == first.event_id else r
            for r in history.rows
        ),
    )
    assert "reordered" in kinds(broken)


def test_a_repeat_that_leaves_a_record_out_is_rejected_as_reordered() -> None:
    history = world(["ready"], crashes=range(30), batch=40)
    repeats = [r for r in history.records if r.type == events.MediaProbed.TYPE]
    rest = tuple(r for r in history.records if r is not repeats[0] or r is repeats[1])
    key_of_others = [r for r in rest if r.topic == repeats[0].topic]
    first_run = [r for r in key_of_others if r.offset < repeats[1].offset]
    assert first_run, "the first sending is still there, but for one record"
    assert kinds(replace(history, records=rest)) == {"reordered"}


def test_what_a_consumer_set_aside_is_not_lost() -> None:
    history = world(["purged"])
    due = next(row.event_id for row in history.rows if row.type == events.AssetPurgeDue.TYPE)
    missed = replace(history, absorbed=history.absorbed - {("janitor", due)})
    assert kinds(missed) == {"lost"}
    assert check(replace(missed, set_aside=frozenset({("janitor.assets", due)}))) == []


def test_a_reseeded_log_is_accepted() -> None:
    history = world(["ready", "purged"])
    ends: dict[tuple[str, int], int] = {}
    for record in history.records:
        ends[record.topic, record.partition] = record.offset + 1
    again = []
    for record in history.records:
        place = (record.topic, record.partition)
        if not record.key.startswith("asset/"):
            again.append(replace(record, offset=ends[place]))
            ends[place] += 1
    assert check(replace(history, records=(*history.records, *again))) == []


@given(histories)
@settings(max_examples=60, deadline=None)
def test_whatever_the_system_may_do_is_accepted(history: History) -> None:
    assert check(history) == []


@pytest.mark.parametrize("mutation", KINDS, ids=lambda mutation: mutation.__name__)
@given(history=histories, n=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_any_single_defect_is_rejected(mutation: Mutation, history: History, n: int) -> None:
    broken = mutation(history, n)
    assume(broken is not None and broken != history)
    assert broken is not None
    assert kinds(broken) & KINDS[mutation]
