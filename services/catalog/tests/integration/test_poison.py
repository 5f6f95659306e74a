"""Records that no producer of ours writes: none stops a recovery, none does more than it did live.

Consumers ignored them or put them among their dead letters, so rows without them are what is right.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.integration.scratch_log import Raw, ScratchLog
from services.catalog.tests.life import Life, comparable, lived, some_steps
from services.catalog.tests.story import Story

from catalog.domain.states import State
from catalog.recovery.domain.history import Tally
from common.events import Message, Received
from common.events.topics import ASSETS, CATALOG_STATE, DETAILS
from common.ids import new_asset_id, new_event_id
from common.testing.postgres import scratch
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

Headers = list[tuple[str, bytes | None]]


@pytest.fixture
async def log(infra: Stack) -> ScratchLog:
    return await ScratchLog(infra.env["REPRISE_KAFKA_BOOTSTRAP"]).make()


@pytest.fixture
async def empty(infra: Stack) -> AsyncIterator[RealCatalog]:
    async with scratch(infra.env["REPRISE_POSTGRES_ADMIN_URL"], "catalog") as schema:
        yield RealCatalog(schema)


def raw_of(message: Message) -> Raw:
    return message.topic, message.key.encode(), [*message.headers()], message.payload


def raw_input(item: Received) -> Raw:
    topic = DETAILS.name if "/" in item.key else item.event.TOPIC.name if item.event else ""
    value = None if item.event is None else item.event.model_dump_json().encode()
    return topic, item.key.encode(), [*item.envelope.to_headers()], value


def records_of(life: Life) -> list[Raw]:
    return [*map(raw_input, life.inputs), *map(raw_of, life.catalog.outbox)]


def without_row(raw: Raw) -> Raw:
    """As the version before wrote state, so that facts are staged and told again."""
    topic, key, headers, value = raw
    if topic != CATALOG_STATE.name or value is None:
        return raw
    fields = {name: item for name, item in json.loads(value).items() if name != "row"}
    return topic, key, headers, json.dumps(fields).encode()


def with_more_headers(raw: Raw) -> Raw:
    """What tools on the way add, and what stands before and after is not looked at."""
    topic, key, headers, value = raw
    later: Headers = [
        ("x-null", None),
        ("x-nul", b"a\0b"),
        ("x-bytes", b"\xff\xfe"),
        ("traceparent", b"\0"),
        ("ce_type", b"reprise.asset.purged.v1"),
        ("ce_sequence", b"77"),
        ("ce_id", str(new_event_id()).encode()),
    ]
    return topic, key, [("ce_sequence", None), ("ce_type", b"\xff"), *headers, *later], value


async def came_back(empty: RealCatalog, lives: Sequence[Life], *, more_records: bool) -> None:
    rows = {asset_id: row for life in lives for asset_id, row in life.catalog.rows.items()}
    async with empty.database.read() as session:
        found = await session.exec_driver_sql("SELECT asset_id FROM asset")
        assert {row.asset_id for row in found} == rows.keys()
    for asset_id, row in rows.items():
        back, before = comparable(await empty.asset(asset_id)), comparable(row)
        assert back is not None
        assert before is not None
        if more_records:  # told once more, with the row in it
            back, before = replace(back, records=0), replace(before, records=0)
        assert back == before


@pytest.mark.parametrize("staged", [False, True])
async def test_headers_of_others_change_nothing(
    log: ScratchLog, empty: RealCatalog, *, staged: bool
) -> None:
    lives = [await lived(some_steps(seed)) for seed in range(8000, 8012)]
    records = [raw for life in lives for raw in records_of(life)]
    await log.put(with_more_headers(without_row(raw) if staged else raw) for raw in records)
    assert await log.rebuild(empty.database)(await log.log().ends()) == Tally()
    await came_back(empty, lives, more_records=staged)
    assert await log.untold(empty.database)() == (0, 0)


def changed(name: str, value: bytes | None) -> Callable[[Raw], Raw]:
    """One header has another value, or is not there."""

    def poisoned(raw: Raw) -> Raw:
        kept: Headers = [header for header in raw[2] if header[0] != name]
        return raw[0], raw[1], kept if value is None else [*kept, (name, value)], raw[3]

    return poisoned


def keyed(key: bytes | None) -> Callable[[Raw], Raw]:
    # a consumer goes by the value where the key says nothing, so that must say nothing either
    return lambda raw: (raw[0], key, raw[2], b"{}")


def valued(value: bytes) -> Callable[[Raw], Raw]:
    return lambda raw: (raw[0], raw[1], raw[2], value)


HEADERS = {
    "no headers": lambda raw: (raw[0], raw[1], [], raw[3]),
    "no sequence": changed("ce_sequence", None),
    "a sequence of 20 digits": changed("ce_sequence", b"99999999999999999999"),
    "a sequence that is none": changed("ce_sequence", "\u0664".encode()),
}
ENVELOPES = HEADERS | {
    "no id": changed("ce_id", None),
    "an id that is none": changed("ce_id", b"one"),
    "no type": changed("ce_type", None),
    "no time": changed("ce_time", None),
    "a time without a zone": changed("ce_time", b"2026-01-02T03:04:05"),
    "structured": changed("content-type", b"application/cloudevents+json"),
    "no key": keyed(None),
    "a key of bytes": keyed(b"\xff\xfe"),
    "a key with a NUL": keyed(b"a\0b"),
    "a key that is no id": keyed(b"somebody"),
    "a type of another topic": changed("ce_type", b"reprise.access.denied.v1"),
}
VALUES = {
    "no JSON": valued(b"\x00\xff"),
    "another JSON": valued(b'{"asset_id": 7}'),
    "too deep": valued(b"[" * 2000),
}
POISON: dict[str, dict[str, Callable[[Raw], Raw]]] = {
    ASSETS.name: ENVELOPES,
    # brokers keep records without a key out of compacted topics
    CATALOG_STATE.name: HEADERS | {"a key of bytes": keyed(b"asset/\xff")},
    DETAILS.name: {name: make for name, make in (ENVELOPES | VALUES).items() if name != "no key"},
}


def poison_of(records: Sequence[Raw], seen: set[str]) -> Iterator[Raw]:
    """Of each record a changed one, which would come next, if it could be read."""
    last: Counter[tuple[str, bytes | None]] = Counter()
    for topic, key, headers, _ in records:
        sequence = int(dict(headers)["ce_sequence"] or b"")
        last[topic, key] = max(last[topic, key], sequence)
    for raw in records:
        following = changed("ce_sequence", str(last[raw[0], raw[1]] + 1).encode())(raw)
        # the same place in the headers as before: that is where the fast way looks
        names = [name for name, _ in raw[2]]
        ordered = sorted(following[2], key=lambda header: names.index(header[0]))
        for name, poisoned in POISON.get(raw[0], ENVELOPES | VALUES).items():
            seen.add(f"{raw[0]}: {name}")
            yield poisoned((raw[0], raw[1], ordered, raw[3]))


@pytest.mark.parametrize("staged", [False, True])
async def test_what_no_consumer_could_read_has_no_effect_and_stops_nothing(
    log: ScratchLog, empty: RealCatalog, *, staged: bool
) -> None:
    lives = [await lived(some_steps(seed)) for seed in range(8020, 8028)]
    seen: set[str] = set()
    for life in lives:
        records = records_of(life)
        poison = list(poison_of(records, seen))
        await log.put(poison[::2])
        await log.put(without_row(raw) if staged else raw for raw in records)
        await log.put(poison[1::2])
    assert len(seen) > 70
    assert await log.rebuild(empty.database)(await log.log().ends()) == Tally()
    await came_back(empty, lives, more_records=staged)
    assert await log.untold(empty.database)() == (0, 0)
    assert (await empty.tables())["names"] == await names_of(lives, empty)


async def names_of(lives: Sequence[Life], empty: RealCatalog) -> list[dict[str, object]]:
    """Names are compared by their numbers: what was read last is what stands."""
    expected = {
        (item.key.partition("/")[2], item.key.partition("/")[0]): item.envelope.sequence
        for life in lives
        for item in life.inputs
        if "/" in item.key
    }
    found = (await empty.tables())["names"]
    assert {(str(row["asset_id"]), row["source"]): row["sequence"] for row in found} == expected
    return found


def state(change: Callable[[dict[str, object]], object]) -> Callable[[Raw], Raw]:
    def damaged(raw: Raw) -> Raw:
        value = json.loads(raw[3] or b"")
        change(value)
        return raw[0], raw[1], raw[2], json.dumps(value).encode()

    return damaged


def in_row(**values: object) -> Callable[[Raw], Raw]:
    return state(lambda value: value["row"].update(values))  # type: ignore[attr-defined]


DAMAGED: dict[str, Callable[[Raw], Raw]] = {
    "no JSON": valued(b"{"),
    "empty": valued(b""),
    "no type": changed("ce_type", None),
    "an alias": changed("ce_type", b"reprise.state.alias.v1"),
    "of another asset": state(lambda value: value.update(asset_id=str(new_asset_id()))),
    "without objects": state(lambda value: value.update(objects=[])),
    "a NUL": state(lambda value: value.update(visibility="a\0b")),
    "counts that are words": state(lambda value: value.update(applied={"media.uploads.v1": "x"})),
    "counts past a column": state(lambda value: value.update(applied={"media.uploads.v1": 2**63})),
    "runs past a column": in_row(run=2**40),
    "runs without end": in_row(run=2**31 - 1, version=2**63),
    "a time past the calendar": in_row(created_at="0001-01-01T00:00:00+14:00"),
    "what a constraint refuses": state(lambda value: value.update(generation=0)),
    "no reason": state(lambda value: value.update(state="failed", reason=None)),
}


async def test_assets_of_damaged_state_records_are_told_again_by_their_facts(
    log: ScratchLog, empty: RealCatalog
) -> None:
    lives = []
    steps = [(0, tell) for tell in (Story.started, Story.completed, Story.probed)]
    for damage in DAMAGED.values():
        life = await lived([*steps])
        records = records_of(life)
        last = max(n for n, raw in enumerate(records) if raw[0] == CATALOG_STATE.name)
        await log.put([*records[:last], damage(records[last]), *records[last + 1 :]])
        lives.append(life)
    whole = await lived([*steps])
    await log.put(records_of(whole))
    assert await log.rebuild(empty.database)(await log.log().ends()) == Tally(
        unreadable=len(DAMAGED)
    )
    await came_back(empty, [*lives, whole], more_records=True)
    assert await log.untold(empty.database)() == (0, 0)


async def test_a_fact_that_no_row_can_hold_costs_its_asset_alone(
    log: ScratchLog, empty: RealCatalog
) -> None:
    story = Story()
    started, completed = raw_input(story.started()), raw_input(story.completed())
    value = json.loads(completed[3] or b"") | {"size": 2**70}
    other = await lived([(0, Story.started), (0, Story.completed)])
    await log.put([started, (*completed[:3], json.dumps(value).encode())])
    await log.put([without_row(raw) for raw in records_of(other)])
    await log.rebuild(empty.database)(await log.log().ends())
    await log.untold(empty.database)()
    # as the live consumer left it: begun, and what cannot be is not
    assert (await empty.asset(story.asset_id)).state is State.UPLOADING
    await came_back_among_others(empty, other)


async def came_back_among_others(empty: RealCatalog, life: Life) -> None:
    for asset_id, row in life.catalog.rows.items():
        back, before = comparable(await empty.asset(asset_id)), comparable(row)
        assert back is not None
        assert before is not None
        assert replace(back, records=0) == replace(before, records=0)
