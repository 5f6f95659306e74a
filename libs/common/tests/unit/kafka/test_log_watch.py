import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer

from common.kafka.log_watch import ClientDead, LogLost, LogWatch

TOPIC = "media.uploads.v1"


class Cluster:
    def __init__(self) -> None:
        self.answers: list[object] = []
        self.partitions: set[int] | None = {0, 1}

    def update_metadata(self, metadata: object) -> None:
        self.answers.append(metadata)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        assert topic == TOPIC
        return self.partitions


class Client:
    """Answers about metadata as a broker would."""

    def __init__(self) -> None:
        self.cluster, self.cluster_id, self.brokers = Cluster(), "one", ["here"]
        loop = asyncio.get_running_loop()
        self.metadata: asyncio.Future[None] = loop.create_future()
        self.fetching: asyncio.Future[None] = loop.create_future()
        self.coordination: asyncio.Future[None] = loop.create_future()

    async def force_metadata_update(self) -> None:
        answer = SimpleNamespace(brokers=self.brokers, cluster_id=self.cluster_id)
        self.cluster.update_metadata(answer)


@pytest.fixture
async def client() -> Client:
    return Client()


def of(client: Client) -> AIOKafkaConsumer:
    client_of_it = SimpleNamespace(
        cluster=client.cluster,
        force_metadata_update=client.force_metadata_update,
        _sync_task=client.metadata,
    )
    return cast(
        "AIOKafkaConsumer",
        SimpleNamespace(
            _client=client_of_it,
            _fetcher=SimpleNamespace(error_future=client.fetching),
            _coordinator=SimpleNamespace(_coordination_task=client.coordination),
        ),
    )


async def test_the_library_still_learns_what_is_looked_at(client: Client) -> None:
    watch = await LogWatch.attach(of(client), TOPIC)
    assert (watch.cluster_id, watch.lost, len(client.cluster.answers)) == ("one", False, 1)


@pytest.mark.parametrize("loss", ["another cluster", "no topic"])
async def test_a_log_that_was_lost_once_stays_lost(client: Client, loss: str) -> None:
    watch = await LogWatch.attach(of(client), TOPIC)
    if loss == "no topic":
        client.cluster.partitions = None
    else:
        client.cluster_id = "two"
    await client.force_metadata_update()
    client.cluster.partitions, client.cluster_id = {0, 1}, "one"
    await client.force_metadata_update()
    with pytest.raises(LogLost):
        watch.refuse()


async def test_a_reader_that_was_at_another_cluster_before_has_lost_its_log(client: Client) -> None:
    assert (await LogWatch.attach(of(client), TOPIC, "before")).lost
    assert not (await LogWatch.attach(of(client), TOPIC, "one")).lost


async def test_an_answer_of_nobody_says_nothing(client: Client) -> None:
    watch = await LogWatch.attach(of(client), TOPIC)
    client.brokers, client.cluster.partitions = [], None
    await client.force_metadata_update()
    assert not watch.lost


async def test_work_is_left_when_the_log_is_lost_meanwhile(client: Client) -> None:
    watch = await LogWatch.attach(of(client), TOPIC)
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def lose() -> None:
        await begun.wait()
        client.cluster.partitions = None
        await client.force_metadata_update()

    async with asyncio.TaskGroup() as group:
        group.create_task(lose())
        with pytest.raises(LogLost):
            await watch.unless_lost(work())
        await ended.wait()


async def test_work_that_ends_gives_its_result_or_its_error(client: Client) -> None:
    watch = await LogWatch.attach(of(client), TOPIC)

    async def fail() -> None:
        raise ConnectionResetError

    assert await watch.unless_lost(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ConnectionResetError):
        await watch.unless_lost(fail())


@pytest.mark.parametrize("task", ["metadata", "fetching", "coordination"])
async def test_work_is_left_when_a_task_of_the_client_has_ended(client: Client, task: str) -> None:
    watch, dying = await LogWatch.attach(of(client), TOPIC), getattr(client, task)

    async def die() -> None:
        dying.set_exception(RuntimeError("the handler is closed"))

    async with asyncio.TaskGroup() as group:
        group.create_task(die())
        with pytest.raises(ClientDead):
            await watch.unless_lost(asyncio.Event().wait())
    with pytest.raises(ClientDead):
        watch.refuse()
    assert dying.exception() is not None
