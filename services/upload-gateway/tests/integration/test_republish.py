"""Names said again are read, and are taken back as the first ones were."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from gateway_support.bench import OWNER
from sqlalchemy import text

from common.clock import SystemClock
from common.events.topics import DETAILS
from common.ids import new_asset_id, new_upload_id, original_key
from common.jobs.queue import JobQueue
from common.postgres import republishing
from common.postgres.engine import Database
from common.testing.postgres import scratch_schema
from devstack.stack import Stack
from upload_gateway.adapters.postgres_ledger import PostgresLedger
from upload_gateway.commands.republish import REPUBLISHING
from upload_gateway.domain.facts import named
from upload_gateway.domain.upload import Upload
from upload_gateway.usecases.forget_name import ForgetName

pytestmark = pytest.mark.integration

CLOCK = SystemClock()


@pytest.fixture
async def database(infra: Stack) -> AsyncIterator[Database]:
    async with scratch_schema(infra.env["REPRISE_POSTGRES_ADMIN_URL"], "upload_gateway") as opened:
        yield opened


def new_upload(name: str | None, header: str = "") -> Upload:
    asset_id, now = new_asset_id(), CLOCK.now()
    return Upload(
        id=new_upload_id(),
        asset_id=asset_id,
        user_id=OWNER,
        kind="audio",
        key=original_key(asset_id, "flac"),
        max_length=100,
        length=100,
        part_size=10,
        created_at=now,
        expires_at=now + timedelta(hours=1),
        file_name=name,
        metadata=header,
        sequence=1,
        details_sequence=1 if name else 0,
    )


async def details(database: Database) -> list[Any]:
    async with database.read() as session:
        query = "SELECT key, sequence, payload FROM outbox WHERE topic = :topic ORDER BY position"
        return list(await session.execute(text(query), {"topic": DETAILS.name}))


async def test_a_name_is_said_again_and_still_taken_back(database: Database) -> None:
    ledger = PostgresLedger(database, JobQueue(database))
    # filename Set.flac, mood calm
    header = "filename U2V0LmZsYWM=,mood Y2FsbQ=="
    kept, nameless = new_upload("Set.flac", header), new_upload(None)
    async with ledger.change() as tx:
        for upload in (kept, nameless):
            await tx.add(upload)
        await tx.publish(named(kept, {"mood": "calm"}, CLOCK))
    run = await republishing.begin(database, "ops", log="one", restart=False)
    assert await republishing.advance(database, REPUBLISHING, run) == 1
    assert await republishing.advance(database, REPUBLISHING, run) is None
    first, again = await details(database)
    assert (first.key, first.sequence, again.key, again.sequence) == (first.key, 1, first.key, 2)
    assert json.loads(again.payload) == json.loads(first.payload)
    await ForgetName(ledger, CLOCK)(kept.asset_id)
    last = (await details(database))[-1]
    assert (last.key, last.sequence, last.payload) == (first.key, 3, None)


async def test_a_name_that_was_taken_back_is_taken_back_again(database: Database) -> None:
    """Kafka may be lost between the tombstone and a slow reader: it must let go nevertheless."""
    ledger = PostgresLedger(database, JobQueue(database))
    forgotten = new_upload("Set.flac")
    async with ledger.change() as tx:
        await tx.add(forgotten)
        await tx.publish(named(forgotten, {}, CLOCK))
    await ForgetName(ledger, CLOCK)(forgotten.asset_id)
    run = await republishing.begin(database, "ops", log="one", restart=False)
    assert await republishing.advance(database, REPUBLISHING, run) == 1
    last = (await details(database))[-1]
    assert (last.sequence, last.payload) == (3, None)
