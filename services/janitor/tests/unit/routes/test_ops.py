"""Operators page through the ledger and the orders by key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from services.janitor.tests.unit.memory import NOW
from services.janitor.tests.unit.samples import asset_order, keys_of

from common.ids import AssetId, EventId, ObjectKey, new_asset_id
from common.web import problems
from janitor.domain.ledger import LedgerEntry, ObjectState
from janitor.domain.purge_order import Purge
from janitor.routes.ops import build_ops_routes

ASSET = new_asset_id()
ENTRIES = [
    LedgerEntry(key, ASSET, ObjectState.LIVING, "transcoder", NOW) for key in sorted(keys_of(ASSET))
]
PURGES = [Purge(asset_order(), NOW - timedelta(seconds=n), None, 0, None) for n in range(3)]


@dataclass
class MemoryRegister:
    async def objects(
        self, asset_id: AssetId, *, after: ObjectKey | None, limit: int
    ) -> Sequence[LedgerEntry]:
        rows = [row for row in ENTRIES if row.asset_id == asset_id and row.key > (after or "")]
        return rows[:limit]

    async def purges(
        self, *, before: tuple[datetime, EventId] | None, limit: int
    ) -> Sequence[Purge]:
        rows = [row for row in PURGES if before is None or row.ordered_at < before[0]]
        return rows[:limit]


def client() -> httpx.AsyncClient:
    app = FastAPI()
    problems.install(app)
    app.include_router(build_ops_routes(MemoryRegister()))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://janitor")


async def pages(path: str, **given: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    query = {"limit": "2"} | given
    async with client() as http:
        for _ in range(5):
            page = (await http.get(path, params=query)).json()
            found += page["items"]
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]
    raise AssertionError("the list has no end")


async def test_objects_of_an_asset_come_page_by_page_in_key_order() -> None:
    items = await pages("/api/v1/ops/objects", asset_id=str(ASSET))
    assert [item["key"] for item in items] == [entry.key for entry in ENTRIES]


async def test_a_purged_object_is_listed_with_time_reason_and_cause() -> None:
    living = ENTRIES[0]
    proof = replace(
        living,
        state=ObjectState.PURGED,
        reason="grace_over",
        cause=EventId(UUID(int=7)),
        ordered_by="catalog",
        condemned_at=NOW,
        purged_at=NOW,
    )
    ENTRIES[0] = proof
    try:
        items = await pages("/api/v1/ops/objects", asset_id=str(ASSET))
    finally:
        ENTRIES[0] = living
    assert items[0]["state"] == "purged"
    assert (items[0]["reason"], items[0]["ordered_by"]) == ("grace_over", "catalog")
    assert items[0]["cause_event_id"] == str(UUID(int=7))
    assert datetime.fromisoformat(items[0]["purged_at"]) == NOW


async def test_orders_come_newest_first() -> None:
    items = await pages("/api/v1/ops/purges")
    assert [item["purge_id"] for item in items] == [str(purge.order.id) for purge in PURGES]


@pytest.mark.parametrize("path", ["/api/v1/ops/purges", "/api/v1/ops/objects"])
@pytest.mark.parametrize("cursor", ["!", "AAAA", "_w"])
async def test_a_cursor_that_is_not_ours_is_a_bad_request(path: str, cursor: str) -> None:
    async with client() as http:
        answer = await http.get(path, params={"cursor": cursor, "asset_id": str(ASSET)})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


async def test_nothing_can_be_deleted_through_the_operator_api() -> None:
    async with client() as http:
        answers = [await http.delete(f"/api/v1/ops/{what}") for what in ("objects", "purges")]
    assert {answer.status_code for answer in answers} == {405}
