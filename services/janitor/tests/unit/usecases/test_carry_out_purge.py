"""Objects go first, rows and facts after, and a repeat changes nothing."""

import pytest
from services.janitor.tests.unit.memory import MemoryJanitor, MemoryRemover, held
from services.janitor.tests.unit.samples import asset_order, keys_of, objects_order, upload_order

from common.errors import Unavailable
from common.events import AssetPurged, ObjectPurged, PurgeFailed
from common.ids import new_asset_id
from janitor.domain.ledger import ObjectState
from janitor.domain.purge_order import PurgeOrder
from janitor.usecases.carry_out_purge import CarryOutPurge
from janitor.usecases.order_purge import OrderPurge


async def placed(order: PurgeOrder) -> MemoryJanitor:
    memory = MemoryJanitor()
    await OrderPurge(memory)(order)
    return memory


async def test_every_key_is_deleted_told_and_kept_as_proof_before_the_asset_is_told() -> None:
    order = asset_order()
    memory, remover = await placed(order), MemoryRemover({*order.keys, "u/other"})
    await CarryOutPurge(memory, remover)(held(order.id))
    assert remover.objects == {"u/other"}
    assert memory.facts() == [
        *(ObjectPurged(asset_id=order.asset_id, key=k, reason="grace_over") for k in order.keys),
        AssetPurged(asset_id=order.asset_id, reason="grace_over", objects=3),
    ]
    for entry in memory.entries.values():
        assert (entry.state, entry.cause) == (ObjectState.PURGED, order.cause.event_id)
        assert entry.purged_at is not None
    assert memory.completed == [order.id]


@pytest.mark.parametrize("scope", ["objects", "upload"])
async def test_only_a_purged_asset_is_told_as_such(scope: str) -> None:
    asset_id = new_asset_id()
    order = upload_order() if scope == "upload" else objects_order(asset_id, keys_of(asset_id)[1:2])
    memory = await placed(order)
    await CarryOutPurge(memory, MemoryRemover())(held(order.id))
    assert {type(fact) for fact in memory.facts()} == {ObjectPurged}


async def test_an_asset_without_objects_is_purged_all_the_same() -> None:
    order = asset_order(keys=())
    memory = await placed(order)
    await CarryOutPurge(memory, MemoryRemover())(held(order.id))
    assert memory.facts() == [AssetPurged(asset_id=order.asset_id, reason="grace_over", objects=0)]


async def test_a_key_that_another_order_purged_is_deleted_again_but_not_told_again() -> None:
    asset_id = new_asset_id()
    keys = keys_of(asset_id)
    first, second = objects_order(asset_id, keys[:1]), asset_order(asset_id, keys)
    memory = await placed(first)
    await OrderPurge(memory)(second)
    for order in (first, second):
        await CarryOutPurge(memory, MemoryRemover())(held(order.id))
    told = [fact.key for fact in memory.facts() if isinstance(fact, ObjectPurged)]
    assert sorted(told) == sorted(keys)


async def test_a_store_that_fails_is_counted_and_told_at_each_fifth_failure_then_succeeds() -> None:
    order = asset_order()
    memory, remover = await placed(order), MemoryRemover(set(order.keys), failures=11)
    carry_out = CarryOutPurge(memory, remover)
    for _ in range(11):
        with pytest.raises(Unavailable):
            await carry_out(held(order.id))
    assert [f.attempts for f in memory.facts() if isinstance(f, PurgeFailed)] == [5, 10]
    assert memory.purges[order.id].last_error == "storage_unavailable"
    assert memory.completed == []
    await carry_out(held(order.id))
    assert isinstance(memory.facts()[-1], AssetPurged)
    assert remover.objects == set()


async def test_facts_carry_the_cause_of_the_order() -> None:
    order = asset_order()
    memory = await placed(order)
    await CarryOutPurge(memory, MemoryRemover())(held(order.id))
    assert {cause for _, cause in memory.published.values()} == {order.cause}
