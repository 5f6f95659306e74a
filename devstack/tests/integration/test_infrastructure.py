"""The real broker, database and store: up, killed, back with their data."""

import os
import signal

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from devstack.stack import Stack

pytestmark = pytest.mark.integration


async def test_a_record_survives_the_death_of_the_broker(infra: Stack) -> None:
    bootstrap = infra.env["REPRISE_KAFKA_BOOTSTRAP"]
    await _create_topic(bootstrap, "devstack-survives")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait("devstack-survives", b"kept")
    await producer.stop()
    infra.kill("kafka")
    infra.start_process("kafka")
    assert await _first_record(bootstrap, "devstack-survives") == b"kept"


async def test_a_commit_survives_the_death_of_the_database(infra: Stack) -> None:
    url = infra.env["REPRISE_POSTGRES_ADMIN_URL"]
    connection = await asyncpg.connect(url)
    await connection.execute("create table if not exists devstack_survives(n int)")
    await connection.execute("insert into devstack_survives values (7)")
    await connection.close()
    infra.kill("postgres")
    infra.start_process("postgres")
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("select max(n) from devstack_survives") == 7
    assert await connection.fetchval("show synchronous_commit") == "on"
    await connection.close()


async def test_the_database_comes_back_while_a_child_of_the_killed_one_lingers(
    infra: Stack,
) -> None:
    url = infra.env["REPRISE_POSTGRES_ADMIN_URL"]
    connection = await asyncpg.connect(url)
    lingering = await connection.fetchval(
        "select pid from pg_stat_activity where backend_type = 'checkpointer'"
    )
    await connection.close()
    os.kill(lingering, signal.SIGSTOP)  # as one does that waits for a slow disk
    infra.kill("postgres")
    infra.start_process("postgres")
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("select 1") == 1
    await connection.close()


async def test_the_database_wants_the_password(infra: Stack) -> None:
    url = f"postgresql://postgres:wrong@127.0.0.1:{infra.port('postgres')}/reprise"
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url)


def test_the_store_refuses_a_request_without_signature(infra: Stack) -> None:
    answer = httpx.put(f"{infra.env['MEDIA_S3_ENDPOINT']}/devstack-unsigned")
    assert answer.status_code == 403


async def _create_topic(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()


async def _first_record(bootstrap: str, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()
    return bytes(record.value) if record.value else None
