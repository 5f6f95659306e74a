"""`reprise consumers` and `reprise lag` on the real broker."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from cli.tests.integration.operating import GROUP, TOPIC, Operator, give_up

from common.settings.groups import KafkaSettings

pytestmark = pytest.mark.integration

AT = TopicPartition(TOPIC.name, 7)


def produce(kafka: KafkaSettings, count: int) -> None:
    async def send() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, transactional_id="cli.tests.consumers"
        )
        await producer.start()
        async with producer.transaction():
            for _ in range(count):
                await producer.send_and_wait(AT.topic, b"{}", partition=AT.partition)
        await producer.stop()

    asyncio.run(send())


def commit_everything(kafka: KafkaSettings) -> None:
    """What a consumer leaves that handled all and is gone."""

    async def read() -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap, group_id=GROUP, enable_auto_commit=False
        )
        await consumer.start()
        partitions = [TopicPartition(TOPIC.name, n) for n in range(TOPIC.partitions)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
        await consumer.stop()

    asyncio.run(read())


@contextmanager
def a_member(kafka: KafkaSettings) -> Iterator[None]:
    """A process that belongs to the group and handles nothing."""
    stop, joined = threading.Event(), threading.Event()

    async def belong() -> None:
        consumer = AIOKafkaConsumer(
            TOPIC.name,
            bootstrap_servers=kafka.bootstrap,
            group_id=GROUP,
            client_id="catalog",
            enable_auto_commit=False,
        )
        await consumer.start()
        joined.set()
        await asyncio.to_thread(stop.wait)
        await consumer.stop()

    thread = threading.Thread(target=lambda: asyncio.run(belong()))
    thread.start()
    try:
        assert joined.wait(timeout=30)
        yield
    finally:
        stop.set()
        thread.join(timeout=20)


def state(operator: Operator, *, status: int) -> dict[str, Any]:
    (found,) = operator.json("consumers", "list", GROUP, status=status)
    return dict(found)


def lag(operator: Operator, *arguments: str, status: int = 0) -> dict[str, Any]:
    (found,) = operator.json("lag", "--group", GROUP, *arguments, status=status)
    return dict(found)


def test_a_group_that_nobody_runs_is_told_with_all_it_owes(operator: Operator) -> None:
    commit_everything(operator.kafka)
    give_up(operator.kafka)
    produce(operator.kafka, 3)
    found = state(operator, status=1)
    assert (found["state"], found["members"], found["assigned"]) == ("nobody", [], 0)
    assert (found["lag_records"], found["parked_keys"]) == (3, 0)
    assert found["dead_letters"] >= 1
    assert found["lag_seconds"] > 0


def test_members_are_told_with_their_partitions(operator: Operator) -> None:
    with a_member(operator.kafka):
        found = state(operator, status=0)
        out = operator("consumers", "list", GROUP, "--members")
    assert found["state"] == "running"
    assert (found["assigned"], found["partitions"]) == (12, 12)
    assert found["members"][0]["client"] == "catalog"
    assert "0 1 2 3" in out


def test_pausing_and_resuming_leaves_an_audit_row_each(operator: Operator) -> None:
    pause = ["consumers", "pause", GROUP, "--reason", "before the migration"]
    assert "Would pause" in operator(*pause)
    assert operator.rows("SELECT * FROM fuse") == []
    operator(*pause, "--yes")
    found = state(operator, status=1)
    assert (found["state"], found["reason"]) == ("paused", "before the migration")
    assert found["paused_at"] is not None
    assert "is paused already" in operator(*pause, "--yes")
    assert f"reprise consumers resume {GROUP} --yes" in operator("consumers", "list", status=1)
    operator("consumers", "resume", GROUP, "--yes")
    assert "is not paused" in operator("consumers", "resume", GROUP, "--yes")
    (row,) = operator.rows("SELECT paused_at FROM fuse")
    assert row["paused_at"] is None
    found_actions = operator.rows("SELECT * FROM operator_action ORDER BY id")
    assert [one["command"] for one in found_actions] == ["consumers pause", "consumers resume"]
    assert json.loads(found_actions[0]["parameters"])["reason"] == "before the migration"


def test_all_groups_fit_a_terminal(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for out in (operator("consumers", "list", status=1), operator("lag")):
        assert max(map(len, out.splitlines())) <= 100
        assert "upload-gateway.purges" in out
        assert "nobody" in out


def test_lag_is_exactly_nothing_when_all_is_handled_and_fails_a_limit_when_not(
    operator: Operator,
) -> None:
    produce(operator.kafka, 2)
    commit_everything(operator.kafka)
    done = lag(operator, "--max-seconds", "0")
    assert (done["records"], done["seconds"]) == (0, 0.0)
    produce(operator.kafka, 4)
    late = lag(operator, "--max-seconds", "0", status=1)
    assert late["records"] == 4
    assert 0 < late["seconds"] < 600
    assert GROUP in operator.said
    by_partition = {one["partition"]: one["records"] for one in late["partitions"]}
    assert by_partition[AT.partition] == sum(by_partition.values()) == 4


def test_what_cannot_be_reached_is_told_in_a_sentence(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator("consumers", "pause", "nobody", "--reason", "x", status=2)
    operator("lag", "--group", "nobody", status=2)
    operator("lag", "--watch", "--json", status=2)
    monkeypatch.setenv("REPRISE_POSTGRES_URL_JANITOR", "postgresql://j:canary@127.0.0.1:9/x")
    operator("consumers", "list", status=1)
    assert "janitor: the database does not answer" in operator.said
    assert "canary" not in operator.said
    monkeypatch.setenv("REPRISE_KAFKA_BOOTSTRAP", "127.0.0.1:9")
    operator("lag", status=1)
    assert "Kafka does not answer" in operator.said
    assert "Traceback" not in operator.said


def test_watching_shows_the_table_until_it_is_interrupted(operator: Operator) -> None:
    out = operator.interrupted("lag", "--watch", "--group", GROUP, after=GROUP)
    assert TOPIC.name in out
    assert "Traceback" not in out
