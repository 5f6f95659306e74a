"""I7 from the consumer's side: nothing waits unread, nothing lies parked, no fuse has blown."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime

from sqlalchemy import text

from common.events.topics import CONSUMERS
from common.fsck import Check, Finding, Scope
from common.postgres.engine import Database
from common.postgres.streams import rows
from common.settings.groups import KafkaSettings
from common.subscriber.lag import LagReader

_NOW = text("SELECT clock_timestamp()")
_PARKED = """
SELECT consumer, key, count(*) AS events, min(reason) AS reason FROM parked
WHERE parked_at < clock_timestamp() - CAST(:age AS interval)
GROUP BY consumer, key ORDER BY consumer, key
"""
_BLOWN = "SELECT consumer, reason FROM fuse WHERE paused_at IS NOT NULL"


def consumer_checks(
    database: Database, kafka: KafkaSettings, service: str, names: Iterable[str]
) -> tuple[Check, ...]:
    """The two checks that every service with consumers brings; `names` are the groups it runs."""
    groups = {name: CONSUMERS[name] for name in names}

    async def read(scope: Scope) -> AsyncIterator[Finding]:
        async with database.read() as session:
            now: datetime = await session.scalar(_NOW) or datetime.min.replace(tzinfo=UTC)
        async with LagReader(kafka, "reprise-fsck") as reader:
            for lag in await reader.measure(groups):
                scope.step()
                if lag.seconds(now) > scope.age.total_seconds():
                    waits = f"{lag.records} records wait, the oldest {lag.seconds(now):.0f} s"
                    yield Finding(f"{lag.group} {lag.partition}", waits)

    async def taken(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _PARKED, age=scope.age):
            scope.step()
            detail = f"{row.consumer}: {row.events} events parked: {row.reason}"
            yield Finding(row.key, detail)
        async for row in rows(database, _BLOWN):
            yield Finding(row.consumer, f"paused: {row.reason}")

    return (
        Check(f"{service}.read", "I7", "what is in Kafka was read and committed", read),
        Check(f"{service}.taken", "I7", "no key is parked, no consumer is paused", taken),
    )
