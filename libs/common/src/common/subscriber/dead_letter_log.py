"""Reads what consumers gave up, for the operator: a walk over all, and one again by its place."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from common.errors import NotFound, Unavailable
from common.events.record import SourceRecord
from common.events.topics import CONSUMERS, Topic, dead_letter_topic
from common.kafka.letting_go import let_go
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letter import DeadLetter, read_dead_letter

TIMEOUT = 20.0  # seconds to open, or to get the next records
POLL_MS = 500
FETCH_WAIT_MS = 20
MAX_RECORDS = 200  # at once in memory


def letter_groups() -> dict[str, Topic]:
    """Groups that have dead letters: those of facts, since state holds names (design §3)."""
    return {group: topic for group, topic in CONSUMERS.items() if topic.policy == "delete"}


class DeadLetterLog:
    """The dead letter topics, read by place and without a group: looking changes nothing."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._known = set[str]()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            client_id="reprise-dlq",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # what was deleted while we read is passed over
            isolation_level="read_committed",
            request_timeout_ms=10_000,
            retry_backoff_ms=10,  # a topic that is asked for first is unknown to the client
            # the broker answers one connection in order: whatever is asked next waits for a fetch
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )

    async def __aenter__(self) -> Self:
        """Raises Unavailable without a broker."""
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._consumer.start()
        except BaseException as error:
            await let_go(self._consumer)
            if isinstance(error, KafkaError | OSError | TimeoutError):
                raise _silent() from error
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await let_go(self._consumer)

    async def walk(self, group: str, source: Topic, *, start: int = 0) -> AsyncIterator[DeadLetter]:
        """Every copy from offset `start` on that lay there when the walk began, oldest first.

        Raises Unavailable. One walk at a time; nothing is kept of what was given.
        """
        at = await self._place(group, source)
        offset, end = await self._bounds(at)
        offset = max(offset, start)
        while offset < end:
            for record in await self._read(at, offset):
                if record.offset < end:
                    yield read_dead_letter(_source(record), group)
            offset = await self._consumer.position(at)

    async def end(self, group: str, source: Topic) -> int:
        """Where the next dead letter of this group will lie."""
        return (await self._bounds(await self._place(group, source)))[1]

    async def at(self, group: str, source: Topic, offset: int) -> DeadLetter:
        """One copy by its place; NotFound when it is kept no longer."""
        at = await self._place(group, source)
        first, end = await self._bounds(at)
        if first <= offset < end:
            for record in await self._read(at, offset):
                if record.offset == offset:
                    return read_dead_letter(_source(record), group)
        raise NotFound(f"{at.topic} keeps no record {offset} any more", code="no_dead_letter")

    async def _place(self, group: str, source: Topic) -> TopicPartition:
        name = dead_letter_topic(source, group).name
        if name not in self._known:
            self._known = await self._topics()
        if name not in self._known:
            raise Unavailable(f"no such topic: {name}", code="topic_missing")
        return TopicPartition(name, 0)

    async def _topics(self) -> set[str]:
        try:
            async with asyncio.timeout(TIMEOUT):
                return set(await self._consumer.topics())
        except (KafkaError, OSError, TimeoutError) as error:
            raise _silent() from error

    async def _bounds(self, at: TopicPartition) -> tuple[int, int]:
        try:
            async with asyncio.timeout(TIMEOUT):
                first = await self._consumer.beginning_offsets([at])
                end = await self._consumer.end_offsets([at])
                return first[at], end[at]
        except (KafkaError, OSError, TimeoutError) as error:
            raise _silent() from error

    async def _read(self, at: TopicPartition, offset: int) -> "list[ConsumerRecord[Any, Any]]":
        """The next records from there on; none where the offsets there hold none."""
        try:
            async with asyncio.timeout(TIMEOUT):
                if at not in self._consumer.assignment():
                    self._consumer.assign([at])
                    self._consumer.seek(at, offset)
                elif await self._consumer.position(at) != offset:
                    self._consumer.seek(at, offset)
                while True:
                    got = await self._consumer.getmany(
                        at, timeout_ms=POLL_MS, max_records=MAX_RECORDS
                    )
                    if got.get(at) or await self._consumer.position(at) > offset:
                        return list(got.get(at, []))
        except (KafkaError, OSError, TimeoutError) as error:
            raise _silent() from error


def _source(record: "ConsumerRecord[Any, Any]") -> SourceRecord:
    return SourceRecord(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        tuple(record.headers),
        record.value,
    )


def _silent() -> Unavailable:
    return Unavailable("Kafka does not answer", code="kafka_unavailable")
