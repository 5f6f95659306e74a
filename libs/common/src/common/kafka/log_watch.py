"""Notices that the log a consumer reads is not there any more: its positions mean nothing then.

A broker that lost its data comes back under the same address. Whoever goes on at an offset of the
old log in the new one passes over records it never saw, and whoever commits such an offset makes
its whole group do so. Fetches and commits do not name the log they mean (aiokafka has no topic
ids), but every answer about metadata does: by the cluster's id, and by not knowing the topic.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar, cast

from aiokafka import AIOKafkaConsumer

from common.errors import Unavailable

ATTACH_TIMEOUT = 10.0  # seconds for the answer that tells the cluster's id

T = TypeVar("T")


class LogLost(Unavailable):
    """Kafka lost the topic, or is another Kafka: begin anew, and take no position along."""

    default_code = "log_lost"


class ClientDead(Unavailable):
    """The consumer's client learns nothing of brokers any more: begin anew with another."""

    default_code = "kafka_client_dead"


class LogWatch:
    """Of one started consumer and its topic; once lost, it stays so.

    It also sees when one of the client's own tasks has ended. uvloop refuses a write to a
    connection that is just being closed by an error the library does not expect there
    (aio-libs/aiokafka#1038): without the task that asks for metadata the client never finds its
    coordinator again and a commit waits for ever; without the one that fetches it keeps its
    partitions and takes nothing from them.
    """

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, cluster_id: str = "") -> None:
        self.consumer, self.cluster_id = consumer, cluster_id
        self._topic, self._lost, self._looked = topic, asyncio.Event(), False
        self._cluster = cast("Any", consumer._client.cluster)  # noqa: SLF001 (it has no hook)
        self._update: Callable[[Any], None] = self._cluster.update_metadata
        self._cluster.update_metadata = self._look

    @classmethod
    async def attach(cls, consumer: AIOKafkaConsumer, topic: str, cluster_id: str = "") -> Self:
        """Watch from now on; it must be this cluster, if the reader was at one before.

        Raises TimeoutError without an answer of the broker.
        """
        watch = cls(consumer, topic, cluster_id)
        async with asyncio.timeout(ATTACH_TIMEOUT):
            while not watch._looked:
                await consumer._client.force_metadata_update()  # noqa: SLF001
        return watch

    @property
    def lost(self) -> bool:
        """Whether an answer since then showed another log, or none."""
        return self._lost.is_set()

    def refuse(self) -> None:
        """Raises LogLost or ClientDead."""
        if self.lost:
            raise LogLost(f"the log that held {self._topic} is gone")
        if any(task.done() for task in self._own_tasks()):
            raise ClientDead(f"the consumer of {self._topic} hears of no broker any more")

    async def unless_lost(self, work: Awaitable[T]) -> T:
        """Do it, but not a moment longer than the log is there. Raises LogLost or ClientDead."""
        doing, losing = asyncio.ensure_future(work), asyncio.ensure_future(self._lost.wait())
        try:
            if not self.lost:
                either = {doing, losing, *self._own_tasks()}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            self.refuse()
            return doing.result()
        finally:
            doing.cancel()
            losing.cancel()

    def _own_tasks(self) -> "set[asyncio.Task[None]]":
        """Of the client: who learns of brokers, who fetches, who keeps the place in a group."""
        consumer = cast("Any", self.consumer)
        found = {consumer._client._sync_task, consumer._fetcher.error_future}  # noqa: SLF001
        place = getattr(consumer._coordinator, "_coordination_task", None)  # noqa: SLF001
        return found if place is None else found | {place}

    def _look(self, metadata: Any) -> None:
        self._update(metadata)
        if not metadata.brokers:
            return  # nobody answered for the cluster yet
        self._looked = True
        told = getattr(metadata, "cluster_id", None) or self.cluster_id
        another = self.cluster_id not in {"", told}
        self.cluster_id = self.cluster_id or told
        if another or not self._cluster.partitions_for_topic(self._topic):
            self._lost.set()
