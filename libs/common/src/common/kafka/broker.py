"""The one place where delivery semantics are said, instead of the libraries' lossy defaults.

At least once: offsets are committed by hand, strictly after the effect; new groups begin at the
first record; only committed transactions are read; no topic is created by being named (events.md
1.2).
"""

import logging
from typing import Any, cast

from aiokafka import ConsumerRecord
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from common.kafka.lenient_records import read_leniently
from common.settings.groups import KafkaSettings
from common.telemetry.logs import get_logger

# seconds for a batch that is being handled; below the orchestrator's kill delay
GRACEFUL_TIMEOUT = 25.0

# A broker that went silent is noticed when a request is not answered in this time, and only then a
# new connection is tried: the library's 40 s would be the least that a short silence costs. Well
# above what a long poll waits (0.5 s); a join may wait longer for slow members and is sent again.
REQUEST_TIMEOUT_MS = 15_000


def build_broker(settings: KafkaSettings, service: str) -> KafkaBroker:
    """A broker for consuming only: the relay and dead letters have producers of their own."""
    read_leniently()
    return KafkaBroker(
        settings.bootstrap,
        client_id=service,
        acks="all",
        enable_idempotence=True,
        consumer_only=True,
        allow_auto_create_topics=False,
        ack_policy=AckPolicy.MANUAL,
        graceful_timeout=GRACEFUL_TIMEOUT,
        # not "faststream": that logger has a handler of its own, which prints no JSON
        logger=get_logger("common.kafka.intake"),
        log_level=logging.DEBUG,  # two lines for every batch otherwise
        retry_backoff_ms=500,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        apply_types=False,
    )


def subscribe(
    broker: KafkaBroker, topic: str, *, group: str, max_records: int, session_timeout: int
) -> BatchSubscriber:
    """A batch subscriber that hands over raw records and commits only when told.

    `session_timeout` is in seconds.
    """
    return broker.subscriber(
        topic,
        batch=True,
        group_id=group,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=session_timeout * 1000,
        heartbeat_interval_ms=session_timeout * 1000 // 15,
        rebalance_timeout_ms=60_000,
        max_records=max_records,
        batch_timeout_ms=100,
        # with two strategies aiokafka joins once more at every start
        partition_assignment_strategy=[RoundRobinPartitionAssignor],
        parser=parse_leniently,
        decoder=whole,
        no_reply=True,
    )


async def parse_leniently(records: tuple["ConsumerRecord[Any, Any]", ...], original: Any) -> Any:
    """Build the message without looking into headers.

    FastStream decodes each header as UTF-8 before any middleware runs; one that is not loses the
    whole batch silently under every ack policy (events.md 1.6). Ours are read by
    common.events.decode, record by record.
    """
    return await original(tuple(_Bare(record) for record in records))


async def whole(message: KafkaMessage) -> KafkaMessage:
    """Hand the message itself to the handler: it acknowledges, and `records_of` has the content."""
    return message


def records_of(message: KafkaMessage) -> list["ConsumerRecord[Any, Any]"]:
    """The records of a batch, as they came."""
    return [bare.record for bare in cast("tuple[_Bare, ...]", message.raw_message)]


class _Bare:
    """What FastStream's parser reads of a record, minus its headers."""

    __slots__ = ("headers", "offset", "record", "timestamp", "topic", "value")

    def __init__(self, record: "ConsumerRecord[Any, Any]") -> None:
        self.record, self.headers = record, ()
        self.topic, self.offset, self.timestamp = record.topic, record.offset, record.timestamp
        self.value = record.value
