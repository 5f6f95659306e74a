"""Names that no other test uses, and a reader of what really is in a topic."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from common.events import Message
from common.events.topics import Topic
from common.ids import new_event_id
from common.settings.groups import KafkaSettings

Record = ConsumerRecord[Any, Any]


def unique(name: str) -> str:
    """`name` with a suffix of its own, for groups and transactional ids."""
    return f"{name}.{new_event_id().hex[-12:]}"


def scratch_topic(topic: Topic) -> Topic:
    """The same topic under a name of its own."""
    return replace(topic, name=unique(topic.name))


def redirected(message: Message, topic: Topic) -> Message:
    """The same record on its way to another topic."""
    return replace(message, topic=topic.name)


async def read_all(
    settings: KafkaSettings,
    topic: Topic,
    *,
    until: Callable[[Sequence[Record]], bool],
    timeout: float = 15.0,
    committed: bool = True,
) -> list[Record]:
    """Everything in the topic, in order per partition, once `until` is satisfied.

    Raises TimeoutError, naming how many records came, when it never is.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if committed else "read_uncommitted",
    )
    found: list[Record] = []
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic.name, n) for n in range(topic.partitions)])
        async with asyncio.timeout(timeout):
            while not until(found):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += records
    except TimeoutError as error:
        raise TimeoutError(f"{topic.name}: {len(found)} records and no more") from error
    finally:
        await consumer.stop()
    return found
