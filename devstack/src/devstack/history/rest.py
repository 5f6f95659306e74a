"""What still moves: unpublished rows, work that waits or runs, records nobody has committed yet."""

from common.errors import Unavailable
from common.events.topics import CONSUMERS
from common.settings.groups import KafkaSettings
from common.subscriber.lag import LagReader
from devstack.errors import DevstackError
from devstack.history.collect import Addresses
from devstack.history.tables.session import snapshot

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
    counts = dict.fromkeys(CONSUMERS, 0)
    try:
        async with LagReader(KafkaSettings(bootstrap=bootstrap), "history") as reader:
            for lag in await reader.measure(CONSUMERS):
                counts[lag.group] += lag.records
    except Unavailable as error:
        raise DevstackError(f"the groups cannot be read: {error}") from error
    return counts


async def _tables(addresses: Addresses, service: str) -> list[str]:
    async with snapshot(addresses.postgres[service], service.replace("-", "_")) as session:
        counts = {
            "unpublished": await session.fetchval(_UNPUBLISHED),
            "parked": await session.fetchval(_PARKED),
        }
        if await session.fetchval(_JOBS):
            counts["jobs"] = await session.fetchval(_WAITING)
    return [f"{service}: {count} {what}" for what, count in counts.items() if count]
