"""I7 from the producer's side: every row was published and is in Kafka, no sequence has a hole."""

from collections.abc import AsyncIterator, Iterable

from common.events import EVENT_TYPES
from common.events.topics import TOPICS, Topic
from common.fsck import Check, Finding, Scope, Speak, Statement
from common.postgres.engine import Database
from common.postgres.streams import rows
from common.relay.log_check import LogCheck
from common.settings.groups import KafkaSettings

_WAITING = """
SELECT topic, key, sequence FROM outbox
WHERE published_at IS NULL AND appended_at < clock_timestamp() - CAST(:age AS interval)
ORDER BY position
"""
_GAPS = """
SELECT topic, key, count(DISTINCT sequence) AS known, max(sequence) AS last FROM outbox
WHERE topic = ANY(CAST(:topics AS text[])) GROUP BY topic, key
HAVING count(DISTINCT sequence) <> max(sequence) OR count(*) <> max(sequence)
"""
_TOLD = """
SELECT key COLLATE "C" AS key, max(sequence) AS last FROM outbox
WHERE topic = :topic AND key LIKE :keys AND type = ANY(CAST(:types AS text[]))
AND published_at < clock_timestamp() - CAST(:age AS interval)
GROUP BY key COLLATE "C" ORDER BY key COLLATE "C"
"""
_IDS = """
SELECT event_id, key FROM outbox
WHERE type = ANY(CAST(:types AS text[]))
AND published_at < clock_timestamp() - CAST(:age AS interval)
ORDER BY event_id
"""


def own_facts(service: str) -> tuple[Topic, ...]:
    """The topics of facts kept for ever that this service writes."""
    return tuple(
        topic
        for topic in TOPICS
        if service in topic.producers and topic.policy == "delete" and topic.retention is None
    )


def outbox_checks(database: Database, kafka: KafkaSettings, service: str) -> tuple[Check, ...]:
    """The three checks that every service with an outbox brings."""
    topics = own_facts(service)

    async def relayed(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _WAITING, age=scope.age):
            scope.step()
            yield Finding(row.key, f"{row.topic} #{row.sequence} was never published")

    async def unbroken(scope: Scope) -> AsyncIterator[Finding]:
        async for row in rows(database, _GAPS, topics=[topic.name for topic in topics]):
            scope.step()
            yield Finding(row.key, f"{row.topic}: {row.known} sequences up to #{row.last}")

    return (
        Check(
            f"{service}.relayed", "I7", "what was committed to the outbox was published", relayed
        ),
        Check(
            f"{service}.sequences", "I7", "the facts of each key are numbered without a hole",
            unbroken,
        ),
        Check(
            f"{service}.log", "I7", "each fact is in Kafka where its row says, and no other is",
            LogCheck(database, kafka, topics),
        ),
    )  # fmt: skip


def told(database: Database, topic: Topic, *, keys: str = "%") -> Speak:
    """Key -> the last sequence published, for keys that name an asset and match `keys`."""
    types = [
        name
        for name, model in EVENT_TYPES.items()
        if topic == model.TOPIC and "asset_id" in model.model_fields
    ]

    async def speak(scope: Scope) -> AsyncIterator[Statement]:
        values = {"topic": topic.name, "types": types, "keys": keys, "age": scope.age}
        async for row in rows(database, _TOLD, **values):
            yield Statement(row.key, str(row.last))

    return speak


def event_ids(database: Database, types: Iterable[str]) -> Speak:
    """Id of each published fact of these types -> its key."""
    wanted = sorted(types)

    async def speak(scope: Scope) -> AsyncIterator[Statement]:
        async for row in rows(database, _IDS, types=wanted, age=scope.age):
            yield Statement(str(row.event_id), row.key)

    return speak
