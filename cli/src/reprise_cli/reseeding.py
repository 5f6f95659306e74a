"""Kept facts sent again: which topics have lost them, and how the relay is made to send them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from common.postgres.audit import record as record_action
from common.postgres.engine import Database, ReadSession, open_engine
from common.postgres.outbox_overview import (
    first_and_last,
    leader_of,
    pending,
    published_facts,
    unpublish,
)
from common.postgres.provision import schema_of
from common.relay.kafka_places import holds
from common.settings.groups import KafkaSettings, PostgresSettings
from reprise_cli.settings import ServiceDatabases

LOOK_EVERY = 0.5  # seconds
STATEMENT_TIMEOUT = 3_600.0  # seconds: every row of an outbox may have to be written once

Verdict = Literal["lost", "held", "not asked"]
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One topic: how many facts are kept, and whether Kafka still has them."""

    service: str
    topic: str
    facts: int
    verdict: Verdict


@asynccontextmanager
async def open_outbox(settings: ServiceDatabases, service: str) -> AsyncIterator[Database]:
    """A service's schema, for statements that read or write all of its outbox."""
    url = SecretStr(settings.url_of(service))
    patient = PostgresSettings(url=url, pool_size=2, statement_timeout=STATEMENT_TIMEOUT)
    async with open_engine(patient, schema=schema_of(service)) as database:
        yield database


async def plan(
    database: Database, kafka: KafkaSettings, service: str, *, ask: bool
) -> list[TopicPlan]:
    """What each topic has; Kafka is left alone unless it shall be asked."""
    async with database.read() as session:
        return [
            TopicPlan(
                service, topic, facts, await _verdict(session, kafka, topic) if ask else "not asked"
            )
            for topic, facts in (await published_facts(session)).items()
        ]


async def _verdict(session: ReadSession, kafka: KafkaSettings, topic: str) -> Verdict:
    """Held when both its first and its last fact are where they were put."""
    for place in await first_and_last(session, topic):
        if not await holds(kafka, topic, place.partition, place.offset, place.event_id):
            return "lost"
    return "held"


async def make_unpublished(
    database: Database, topics: list[str], operator: str, *, force: bool, told: Told
) -> int:
    """All facts of these topics become unpublished, in one transaction with the audit row."""
    total = 0
    async with database.write() as session:
        async for rows in unpublish(session, topics):
            total += rows
            told(rows)
        await record_action(
            session, operator, "outbox reseed", {"topics": topics, "force": force}, {"facts": total}
        )
    return total


async def watch(
    database: Database, service: str, left: Told, leaderless: Callable[[], None]
) -> None:
    """Until the relay has sent all that waits; `leaderless` is told while nobody leads."""
    while True:
        async with database.read() as session:
            waiting = await pending(session)
            leader = await leader_of(session, schema_of(service))
        left(waiting)
        if not waiting:
            return
        if leader is None:
            leaderless()
        await asyncio.sleep(LOOK_EVERY)
