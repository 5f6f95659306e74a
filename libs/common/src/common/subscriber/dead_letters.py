"""Where records go that no later try can make right: the original bytes and headers, and why."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from common.clock import Clock, SystemClock
from common.errors import Unavailable
from common.events.record import SourceRecord
from common.events.topics import DEAD_LETTER_BYTES, Topic, dead_letter_topic
from common.kafka.producer import abandon
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letter import Why

START_TIMEOUT = 10.0  # seconds
SEND_TIMEOUT = 30.0  # seconds
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class DeadLetters:
    """Writes to `<topic>.<group>.dlq`, acknowledged by all replicas; opened when first needed.

    State and details records carry names and never enter a dead letter (design §3): `accepts` says
    no for them.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        service: str,
        *,
        name_of: Callable[[Topic, str], Topic] = dead_letter_topic,
        clock: Clock | None = None,
    ) -> None:
        self._bootstrap, self._service, self._name_of = settings.bootstrap, service, name_of
        self._clock = clock or SystemClock()
        self._producer: AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Opens nothing yet, so that a service starts without Kafka."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(START_TIMEOUT):
                    await producer.stop()

    def accepts(self, topic: Topic) -> bool:
        """Whether records of this topic may be kept in a dead letter."""
        return topic.policy == "delete"

    async def put(
        self,
        record: "SourceRecord | ConsumerRecord[Any, Any]",
        topic: Topic,
        group: str,
        *,
        reason: str,
        detail: str,
        error: BaseException | None = None,
        attempts: int = 1,
    ) -> None:
        """Keep one record; durable when this returns. Raises Unavailable: try again.

        `reason` is a stable code, `detail` one sentence without content of the record, `error` what
        the last of `attempts` tries raised. The record is kept whole: where it leaves no room, the
        reason is told more briefly.
        """
        source = _source(record)
        why = Why.of(group, reason, detail, self._clock.now(), attempts=attempts, error=error)
        name = self._name_of(topic, group).name
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                try:
                    await self._send(name, source, why.headers(source))
                except _TOO_LARGE:
                    await self._send(name, source, why.headers(source, brief=True))
        except (KafkaError, OSError, TimeoutError) as failure:
            raise Unavailable(
                "the dead letter was not written", code="kafka_unavailable"
            ) from failure

    async def _send(self, topic: str, record: SourceRecord, headers: Sequence[Any]) -> None:
        producer = await self._open()
        # the client refuses a record without both, which others may well have sent
        key = b"" if record.key is None and record.value is None else record.key
        try:
            await producer.send_and_wait(topic, record.value, key=key, headers=headers)
        except BaseException:
            # an idempotent producer may be dead for good after one failure; the next try has a new
            # one
            if self._producer is producer:
                self._producer = None
            await abandon(producer)
            raise

    async def _open(self) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id=f"{self._service}-dlq",
                    acks="all",
                    enable_idempotence=True,
                    # the broker's limit counts compressed bytes: a topic that was not widened yet
                    # (`reprise topics apply`) still takes what is written in JSON
                    compression_type="gzip",
                    max_request_size=2 * DEAD_LETTER_BYTES,
                )
                try:
                    async with asyncio.timeout(START_TIMEOUT):
                        await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


def _source(record: "SourceRecord | ConsumerRecord[Any, Any]") -> SourceRecord:
    return SourceRecord(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        tuple(record.headers),
        record.value,
    )
