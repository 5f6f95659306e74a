"""What still moves: unpublished rows, work that waits or runs, records nobody has committed yet."""

import asyncio
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from common.events.topics import CONSUMERS
from devstack.errors import DevstackError
from devstack.history.collect import Addresses
from devstack.history.tables.session import snapshot

PATIENCE = 30.0  # seconds
_JOBS = "SELECT to_regclass('job') IS NOT NULL"
_WAITING = "SELECT count(*) FROM job WHERE state IN ('waiting', 'running')"
_UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_PARKED = "SELECT count(*) FROM parked"


async def unrest(addresses: Addresses) -> list[str]:
    """One phrase for each thing that has not come to rest; empty when all has."""
    found = [phrase for name in addresses.postgres for phrase in await _tables(addresses, name)]
    lag = await lags(addresses.kafka_bootstrap)
    return found + [f"{group} lags by {count}" for group, count in lag.items() if count]


async def lags(bootstrap: str) -> dict[str, int]:
    """Records of its topic that each of the services' groups has not committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    try:
        async with asyncio.timeout(PATIENCE):
            await admin.start()
            await consumer.start()
            return {group: await _lag(admin, consumer, group) for group in CONSUMERS}
    except (KafkaError, OSError, TimeoutError) as error:
        raise DevstackError(f"the groups cannot be read: {error!r}") from error
    finally:
        await consumer.stop()
        await admin.close()


async def _lag(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str) -> int:
    topic = CONSUMERS[group]
    partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    ends: Mapping[TopicPartition, int] = await consumer.end_offsets(partitions)
    committed = await admin.list_consumer_group_offsets(group)
    reached = {place: max(0, entry.offset) for place, entry in committed.items()}
    return sum(max(0, end - reached.get(place, 0)) for place, end in ends.items())


async def _tables(addresses: Addresses, service: str) -> list[str]:
    async with snapshot(addresses.postgres[service], service.replace("-", "_")) as session:
        counts = {
            "unpublished": await session.fetchval(_UNPUBLISHED),
            "parked": await session.fetchval(_PARKED),
        }
        if await session.fetchval(_JOBS):
            counts["jobs"] = await session.fetchval(_WAITING)
    return [f"{service}: {count} {what}" for what, count in counts.items() if count]
