"""A janitor killed at any step of a purge leaves nothing half done once it runs again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from services.janitor.tests.integration.janitor_process import (
    DEADLINE,
    KILLED,
    JanitorProcess,
)
from services.janitor.tests.integration.rows import states, told
from services.janitor.tests.unit.samples import asset_order, declaration

from common.clock import SystemClock
from common.events import AssetPurged, ObjectPurged
from common.jobs.queue import JobQueue
from common.postgres.engine import Database, open_engine
from common.s3.objects import ObjectStore
from common.settings.groups import KafkaSettings, PostgresSettings, S3Settings
from common.testing.ports import free_port
from common.testing.postgres import service_database
from common.testing.waiting import eventually
from janitor.adapters.postgres_unit_of_work import PostgresUnitOfWork
from janitor.domain.purge_order import PurgeOrder
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.order_purge import OrderPurge

pytestmark = pytest.mark.integration


@pytest.fixture
async def janitor(
    admin_url: str, s3_settings: S3Settings, kafka: KafkaSettings, tmp_path: Path
) -> AsyncIterator[JanitorProcess]:
    async with service_database(admin_url, "janitor") as url:
        log = tmp_path / "janitor.log"
        yield JanitorProcess(url, s3_settings, kafka.bootstrap, free_port(), log)


@pytest.fixture
async def tables(janitor: JanitorProcess) -> AsyncIterator[Database]:
    settings = PostgresSettings(url=SecretStr(janitor.url), pool_size=2)
    async with open_engine(settings, schema="janitor") as database:
        yield database


async def place(tables: Database, store: ObjectStore) -> PurgeOrder:
    """Three stored and declared objects, and the fact that ends their asset."""
    unit_of_work = PostgresUnitOfWork(tables, JobQueue(tables), SystemClock())
    order = asset_order()
    for key in order.keys:
        await store.put(key, b"bytes", content_type="application/octet-stream")
        await DeclareObject(unit_of_work)(declaration(order.asset_id, key))
    await OrderPurge(unit_of_work)(order)
    return order


async def stored(store: ObjectStore, order: PurgeOrder) -> int:
    return sum([await store.head(key) is not None for key in order.keys])


async def until_purged(tables: Database, order: PurgeOrder) -> None:
    async def purged() -> bool:
        return set((await states(tables, order.asset_id)).values()) == {"purged"}

    await eventually(purged, timeout=30)


@pytest.mark.req("JAN-01")
@pytest.mark.parametrize(("point", "left"), [("jobs.after_claim", 3), ("janitor.after_delete", 0)])
async def test_killed_at_a_step_and_started_again_it_converges(
    janitor: JanitorProcess, tables: Database, store: ObjectStore, point: str, left: int
) -> None:
    order = await place(tables, store)
    async with janitor.running(REPRISE_FAILPOINTS=f"{point}=exit") as process:
        async with asyncio.timeout(DEADLINE):
            assert await process.wait() == KILLED

    assert await stored(store, order) == left
    # never a living row whose object is gone, and nothing told that is not closed
    assert set((await states(tables, order.asset_id)).values()) == {"condemned"}
    assert await told(tables, order.asset_id) == []

    async with janitor.running():
        await until_purged(tables, order)
    assert await stored(store, order) == 0
    facts = await told(tables, order.asset_id)
    assert [fact.type for fact in facts] == [ObjectPurged.TYPE] * 3 + [AssetPurged.TYPE]


@pytest.mark.req("JAN-05")
async def test_a_purged_key_stays_listed_with_time_and_actor(
    janitor: JanitorProcess, tables: Database, store: ObjectStore
) -> None:
    order = await place(tables, store)
    async with janitor.running() as process:
        await until_purged(tables, order)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{janitor.port}") as http:
            objects = await http.get(
                "/api/v1/ops/objects", params={"asset_id": str(order.asset_id)}
            )
            purges = await http.get("/api/v1/ops/purges")
        process.terminate()
        assert await process.wait() == 0

    items = objects.json()["items"]
    assert sorted(item["key"] for item in items) == sorted(order.keys)
    for item in items:
        assert (item["state"], item["reason"]) == ("purged", "grace_over")
        assert (item["ordered_by"], item["declared_by"]) == ("catalog", "transcoder")
        assert item["cause_event_id"] == str(order.cause.event_id)
        assert item["purged_at"] is not None
    (purge,) = purges.json()["items"]
    assert purge["purge_id"] == str(order.id)
    assert purge["finished_at"] is not None
