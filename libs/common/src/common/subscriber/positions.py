"""What a consumer committed, where it reads on, and whether it reads at all."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from common.kafka.log_watch import ClientDead, LogLost, LogWatch

Done = dict[TopicPartition, int]  # partition -> the offset to go on with


def place_of(record: "ConsumerRecord[Any, Any]") -> TopicPartition:
    """The partition of a record."""
    return TopicPartition(record.topic, record.partition)


async def commit(watch: LogWatch, done: Done) -> None:
    """Keep what was done of a batch that is left in the middle; if it fails, it comes again."""
    if done:
        with suppress(KafkaError, LogLost, ClientDead):
            await watch.unless_lost(watch.consumer.commit(done))


def rewind(
    consumer: AIOKafkaConsumer,
    records: Sequence["ConsumerRecord[Any, Any]"],
    done: Mapping[TopicPartition, int],
) -> None:
    """Have the consumer read again what is not done; a partition it lost is another's to read."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        partition = place_of(record)
        if record.offset >= done.get(partition, 0):
            first.setdefault(partition, record.offset)
    for partition, offset in first.items():
        with suppress(KafkaError):
            consumer.seek(partition, offset)


def hold(consumer: AIOKafkaConsumer) -> None:
    """Fetch nothing, and go on polling: so the group keeps its member and the position stays.

    A rebalance forgets it; whoever gets a record nevertheless holds and rewinds again.
    """
    with suppress(KafkaError):
        consumer.pause(*consumer.assignment())


def let_go(consumer: AIOKafkaConsumer) -> None:
    """Fetch again what is held."""
    with suppress(KafkaError):
        consumer.resume(*consumer.paused())
