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


class LogWatch:
    """Of one started consumer and its topic; once lost, it stays so."""

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
        """Raises LogLost."""
        if self.lost:
            raise LogLost(f"the log that held {self._topic} is gone")

    async def unless_lost(self, work: Awaitable[T]) -> T:
        """Do it, but not a moment longer than the log is there. Raises LogLost."""
        doing, losing = asyncio.ensure_future(work), asyncio.ensure_future(self._lost.wait())
        try:
            if not self.lost:
                await asyncio.wait({doing, losing}, return_when=asyncio.FIRST_COMPLETED)
            self.refuse()
            return doing.result()
        finally:
            doing.cancel()
            losing.cancel()

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
