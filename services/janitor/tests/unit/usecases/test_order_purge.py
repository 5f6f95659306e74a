"""A fact becomes one order, however often it is delivered."""

from services.janitor.tests.unit.memory import MemoryJanitor
from services.janitor.tests.unit.samples import asset_order, declaration

from common.ids import new_asset_id
from janitor.domain.ledger import ObjectState
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.order_purge import OrderPurge


async def test_every_named_key_is_condemned_and_one_order_is_placed() -> None:
    memory, order = MemoryJanitor(), asset_order()
    await OrderPurge(memory)(order)
    await OrderPurge(memory)(order)
    assert list(memory.purges) == [order.id]
    assert {entry.state for entry in memory.entries.values()} == {ObjectState.CONDEMNED}
    assert set(memory.entries) == set(order.keys)


async def test_a_key_that_the_fact_does_not_name_is_condemned_with_its_asset_but_not_ordered() -> (
    None
):
    memory, asset_id = MemoryJanitor(), new_asset_id()
    unnamed, stranger = declaration(asset_id), declaration(new_asset_id())
    await DeclareObject(memory)(unnamed)
    await DeclareObject(memory)(stranger)
    order = asset_order(asset_id)
    await OrderPurge(memory)(order)
    assert memory.entries[unnamed.key].state is ObjectState.CONDEMNED
    assert memory.entries[stranger.key].state is ObjectState.LIVING
    assert unnamed.key not in memory.purges[order.id].order.keys
