"""`reprise outbox` as its own process, on an outbox and a topic that nobody else uses."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from libs.common.tests.integration.records import fact, sender_for, sequences
from pydantic import SecretStr
from sqlalchemy import text

from common.clock import SystemClock
from common.events.topics import (
    CATALOG,
    JANITOR,
    TRANSCODER,
    UPLOAD_GATEWAY,
    UPLOADS,
    WATERMARKS,
    Topic,
)
from common.ids import new_asset_id
from common.kafka import topics
from common.postgres.engine import Database, open_engine
from common.postgres.outbox import PostgresOutboxSource, append
from common.relay.relay import Relay
from common.settings.groups import KafkaSettings, PostgresSettings
from common.telemetry.metrics import Metrics
from common.testing.kafka import Record, read_all, scratch_topic, unique
from common.testing.postgres import service_database
from common.testing.waiting import eventually
from devstack.stack import Stack

pytestmark = pytest.mark.integration

FACTS, KEYS = 40, 5
WITH_TABLES = (UPLOAD_GATEWAY, CATALOG, TRANSCODER, JANITOR)
SCHEMA = "upload_gateway"
RESEED = ("outbox", "reseed", "--service", UPLOAD_GATEWAY)


@dataclass
class Gateway:
    """The outbox of an upload-gateway, and a relay that may be started."""

    infra: Stack
    url: str
    database: Database
    kafka: KafkaSettings
    topic: Topic

    async def reprise(self, *arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from reprise_cli.main import main; main()",
            *arguments,
            env={
                **self.infra.environment("setup"),
                "REPRISE_POSTGRES_URL_UPLOAD_GATEWAY": self.url,
                "USER": "operator",
                "COLUMNS": "160",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    @asynccontextmanager
    async def relaying(self, batch: int = 7) -> AsyncIterator[None]:
        stop = asyncio.Event()
        relay = Relay(
            PostgresOutboxSource(self.url, UPLOAD_GATEWAY),
            sender_for(self.kafka, self.topic, unique("relay")),
            service=UPLOAD_GATEWAY,
            clock=SystemClock(),
            metrics=Metrics(UPLOAD_GATEWAY),
            wake=self.database.wake("outbox"),
            batch=batch,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(relay.loop(stop))
            yield
            stop.set()

    async def append(self, first: int = 1) -> None:
        """Facts of a few keys, one after the other."""
        if first == 1:
            self.assets = [new_asset_id() for _ in range(KEYS)]
        for sequence in range(first, first + FACTS // KEYS):
            for asset in self.assets:
                async with self.database.write() as session:
                    await append(session, fact(asset, sequence, self.topic))

    async def scalar(self, sql: str) -> object:
        async with self.database.read() as session:
            return await session.scalar(text(sql))

    async def drained(self) -> bool:
        return await self.scalar("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0

    async def lose_kafka(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            await admin.delete_topics([self.topic.name])
        finally:
            await admin.close()

        async def gone() -> bool:
            return bool(await topics.missing(self.kafka, [self.topic.name]))

        await eventually(gone)

    async def records(self, count: int) -> list[Record]:
        return await read_all(self.kafka, self.topic, until=lambda found: len(found) >= count)


@pytest.fixture
async def gateway(infra: Stack) -> AsyncIterator[Gateway]:
    kafka = KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])
    topic = scratch_topic(UPLOADS)
    await topics.apply(kafka, [topic, WATERMARKS])
    async with AsyncExitStack() as stack:
        admin_url = infra.env["REPRISE_POSTGRES_ADMIN_URL"]
        url = await stack.enter_async_context(service_database(admin_url, UPLOAD_GATEWAY))
        settings = PostgresSettings(url=SecretStr(url), pool_size=3)
        database = await stack.enter_async_context(open_engine(settings, schema=SCHEMA))
        yield Gateway(infra, url, database, kafka, topic)


def content(records: Sequence[Record]) -> set[tuple[object, ...]]:
    return {(r.key, r.value, tuple(r.headers), r.partition) for r in records}


async def test_a_lost_topic_gets_the_same_records_again_before_anything_newer(
    gateway: Gateway,
) -> None:
    await gateway.append()
    async with gateway.relaying():
        before = await gateway.records(FACTS)
        await eventually(gateway.drained)
    await gateway.lose_kafka()

    code, out, err = await gateway.reprise(*RESEED, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == [
        {
            "service": UPLOAD_GATEWAY,
            "topic": gateway.topic.name,
            "facts": FACTS,
            "kafka": "lost",
            "reseed": False,
        }
    ]
    assert await gateway.drained()

    code, out, err = await gateway.reprise(*RESEED, "--yes", "--no-wait")
    assert code == 0, err
    await gateway.append(first=FACTS // KEYS + 1)
    async with gateway.relaying():  # waits for the topic
        await topics.apply(gateway.kafka, [gateway.topic])
        after = await gateway.records(2 * FACTS)
        await eventually(gateway.drained)

    assert content(before) < content(after)
    assert len(after) == 2 * FACTS
    for asset in gateway.assets:
        assert sequences(after, asset) == list(range(1, 2 * FACTS // KEYS + 1))
    places = {(r.partition, r.offset) for r in after}
    async with gateway.database.read() as session:
        rows = await session.execute(text("SELECT kafka_partition, kafka_offset FROM outbox"))
        assert {tuple(row) for row in rows} == places
        audit = (await session.execute(text("SELECT * FROM operator_action"))).one()
    assert (audit.operator, audit.command) == ("operator", "outbox reseed")
    assert audit.outcome == {"facts": FACTS}


async def test_topics_that_hold_their_facts_are_left_alone_unless_forced(gateway: Gateway) -> None:
    await gateway.append()
    async with gateway.relaying():
        await eventually(gateway.drained)
        code, out, err = await gateway.reprise(*RESEED, "--yes")
        assert code == 1
        assert "held" in out
        assert "--force" in err
        assert await gateway.scalar("SELECT count(*) FROM operator_action") == 0

        code, out, err = await gateway.reprise(*RESEED, "--yes", "--force")
        assert code == 0, err
        assert await gateway.drained()
    records = await gateway.records(2 * FACTS)
    for asset in gateway.assets:
        assert sequences(records, asset) == [*range(1, FACTS // KEYS + 1)] * 2


async def test_a_reseed_goes_on_after_the_relay_was_killed(gateway: Gateway) -> None:
    await gateway.append()
    async with gateway.relaying():
        await eventually(gateway.drained)
    assert (await gateway.reprise(*RESEED, "--yes", "--force", "--no-wait"))[0] == 0
    async with gateway.relaying(batch=3):
        await gateway.records(FACTS + 6)
        async with gateway.database.write() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'reprise-upload_gateway-relay'"
                    " AND datname = current_database()"
                )
            )
        await eventually(gateway.drained)
    records = await gateway.records(2 * FACTS)
    for asset in gateway.assets:
        again = sequences(records, asset)[FACTS // KEYS :]
        assert list(dict.fromkeys(again)) == list(range(1, FACTS // KEYS + 1))


async def test_the_status_tells_what_waits_and_who_leads(gateway: Gateway, infra: Stack) -> None:
    # other tests of this broker wrote to its topics, with tables of their own
    others = [word for service in WITH_TABLES for word in ("--accept-empty", service)]
    assert (await gateway.reprise("setup", *others))[0] == 0
    await gateway.append()
    code, out, _ = await gateway.reprise("outbox", "status", "--json")
    assert code == 1
    mine = next(one for one in json.loads(out) if one["service"] == UPLOAD_GATEWAY)
    assert (mine["pending_rows"], mine["leader"]) == (FACTS, None)
    assert mine["trouble"] == "no relay leads"
    assert mine["oldest_age_seconds"] > 0

    async with gateway.relaying():
        await eventually(gateway.drained)
        await read_all(
            gateway.kafka,
            WATERMARKS,
            until=lambda found: any(r.key == b"upload-gateway" for r in found),
        )
        _, out, _ = await gateway.reprise("outbox", "status", "--json")
        mine = next(one for one in json.loads(out) if one["service"] == UPLOAD_GATEWAY)
        table = (await gateway.reprise("outbox", "status"))[1]
    assert (mine["pending_rows"], mine["facts_kept"], mine["trouble"]) == (0, FACTS, None)
    assert mine["leader"]["address"].startswith("127.0.0.1:")
    assert mine["watermark_age_seconds"] < 60
    assert "outbox_default" in mine["partitions"]
    assert len(mine["partitions"]) == 4
    assert mine["rows_without_month"] == 0
    assert UPLOAD_GATEWAY in table
