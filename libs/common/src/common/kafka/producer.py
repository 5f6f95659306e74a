"""The fenced producer of a relay: fixed id, one transaction per batch, own topics only."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced

from common.errors import Forbidden, RepriseError, Unavailable
from common.events.message import Message
from common.events.topics import TOPICS, WATERMARKS, Topic
from common.failpoints import failpoint
from common.settings.groups import KafkaSettings

# a relay killed inside a transaction holds up read-committed readers for this long at most
# (events.md 2.3)
TRANSACTION_TIMEOUT_MS = 10_000
# the most a caller may grant a batch: ours ends first, so that a slow broker is noticed here before
# it aborts the transaction behind our back
BATCH_TIMEOUT = 9.0  # seconds
START_TIMEOUT = 10.0  # seconds
STOP_TIMEOUT = 5.0  # seconds
ABANDON_TIMEOUT = 0.5  # seconds for each step of letting a dead one go


class Fenced(Unavailable):
    """Another producer has our id, or our transaction was too slow: Kafka cannot say which."""

    default_code = "producer_fenced"


class TopicMissing(Unavailable):
    """A topic of ours does not exist: `reprise topics apply` makes it."""

    default_code = "topic_missing"

    def __init__(self, topics: Sequence[str]) -> None:
        super().__init__(f"missing: {', '.join(topics)}")
        self.topics = list(topics)


class TransactionalSender:
    """Sends batches, each in one transaction; opening one fences every older one with its id.

    After any failure it is dead: close it, prove the leadership, open another. Nothing of a failed
    batch is ever seen by read-committed consumers unless its commit was already under way, and then
    it is sent again: duplicates, in the same order, are possible.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        transactional_id: str,
        service: str,
        *,
        topics: Sequence[Topic] = TOPICS,
    ) -> None:
        self._bootstrap, self._id, self._service = settings.bootstrap, transactional_id, service
        self._own = frozenset(topic.name for topic in topics if service in topic.producers)
        self._producer: AIOKafkaProducer | None = None
        self._failed = False

    async def __aenter__(self) -> Self:
        """Connect and take the id over.

        Raises Unavailable without a broker, TopicMissing when one of the service's topics does not
        exist: waiting for it would take aiokafka 40 s for each record.
        """
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=f"{self._service}-relay",
            transactional_id=self._id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            linger_ms=0,  # a batch is handed over whole before the sender's task runs at all
            max_batch_size=131_072,
        )
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await self._producer.start()
                await self._demand_topics(self._producer)
        except BaseException as error:
            self._failed = True  # nothing to wait for, and the leader's session must not grow idle
            await self._close()
            if isinstance(error, KafkaError | OSError | TimeoutError):
                raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    async def send_batch(
        self, messages: Sequence[Message], *, within: float = BATCH_TIMEOUT
    ) -> list[tuple[int, int]]:
        """Publish all of them or none in `within` seconds; returns (partition, offset) of each.

        Raises Forbidden for a topic that belongs to another service, before anything is sent;
        Fenced and Unavailable as the class says.
        """
        self._refuse_foreign(messages)
        producer = self._producer
        if producer is None:
            raise Unavailable("the sender is closed", code="kafka_unavailable")
        try:
            async with asyncio.timeout(min(within, BATCH_TIMEOUT)):
                return await _transaction(producer, messages)
        except (KafkaError, IllegalOperation, OSError, TimeoutError, AssertionError) as error:
            self._failed = True
            raise _kind(error) from error

    async def _demand_topics(self, producer: AIOKafkaProducer) -> None:
        known = (await producer.client.fetch_all_metadata()).topics()
        missing = sorted(self._own - set(known))
        if missing:
            raise TopicMissing(missing)

    def _refuse_foreign(self, messages: Sequence[Message]) -> None:
        foreign = {message.topic for message in messages} - self._own
        if foreign:
            raise Forbidden(
                f"{self._service} does not own {', '.join(sorted(foreign))}", code="foreign_topic"
            )

    async def _close(self) -> None:
        """Let go without finishing what is unsent: the next sender with this id aborts it."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        if self._failed:
            await abandon(producer)
            return
        with suppress(KafkaError, OSError, TimeoutError, AssertionError):
            async with asyncio.timeout(STOP_TIMEOUT):
                await producer.stop()


async def _transaction(
    producer: AIOKafkaProducer, messages: Sequence[Message]
) -> list[tuple[int, int]]:
    # not `producer.transaction()`: it would abort on an error, and a dead producer cannot
    await producer.begin_transaction()
    futures = []
    try:
        for message in messages:
            futures.append(  # noqa: PERF401 (what was sent must be known when a send raises)
                await producer.send(
                    message.topic,
                    message.payload,
                    key=message.key.encode(),
                    headers=message.headers(),
                )
            )
        # aiokafka would commit a transaction of which a part has failed
        await producer.flush()
        sent = [future.result() for future in futures]
        if any(message.topic != WATERMARKS.name for message in messages):
            await failpoint("relay.before_commit")
        await producer.commit_transaction()
        return [(record.partition, record.offset) for record in sent]
    except BaseException:
        for future in futures:
            future.add_done_callback(_seen)
        raise


def _seen(future: "asyncio.Future[object]") -> None:
    """The batch's own error is raised; asyncio need not report each record's as forgotten."""
    if not future.cancelled():
        future.exception()


async def abandon(producer: AIOKafkaProducer) -> None:
    """End a producer whose batch failed; its `stop()` would first wait for the broker.

    There is no public way to its task. A test holds these names against the installed version:
    nothing may be left running.
    """
    producer._closed = True  # noqa: SLF001 (what stop() does first)
    end = producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001 (None before the first)
    if end is not None:
        end.add_done_callback(_seen)
    task = producer._sender.sender_task  # noqa: SLF001
    for _ in range(2):  # the first cancel makes it wait for what is in flight, the second ends that
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=ABANDON_TIMEOUT)
    # in a task of its own: it raises whatever the client's own tasks ended by, a cancellation too
    closing = asyncio.ensure_future(producer.client.close())
    closing.add_done_callback(_seen)
    await asyncio.wait({closing}, timeout=ABANDON_TIMEOUT)
    closing.cancel()


def _kind(error: BaseException) -> RepriseError:
    # once fenced, everything the producer object is asked for fails an assertion that names its
    # state, or is called illegal where its sending task saw it first
    if isinstance(error, ProducerFenced | IllegalOperation | AssertionError):
        return Fenced("another producer has this id, or the transaction was too slow")
    return Unavailable("the batch was not committed", code="kafka_unavailable")
