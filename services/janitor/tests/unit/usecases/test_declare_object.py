"""Declared objects enter the ledger once, and never alive under a dead asset."""

from services.janitor.tests.unit.memory import MemoryJanitor
from services.janitor.tests.unit.samples import asset_order, declaration, objects_order

from common.ids import new_asset_id
from janitor.domain.ledger import ObjectState
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.order_purge import OrderPurge


async def test_an_object_of_a_living_asset_is_entered_as_living() -> None:
    memory, declared = MemoryJanitor(), declaration(new_asset_id())
    await DeclareObject(memory)(declared)
    await DeclareObject(memory)(declared)
    assert [entry.state for entry in memory.entries.values()] == [ObjectState.LIVING]
    assert memory.entries[declared.key].declared_by == "transcoder"


async def test_a_key_declared_after_its_asset_died_is_condemned_and_left_to_the_catalog() -> None:
    memory, order = MemoryJanitor(), asset_order()
    await OrderPurge(memory)(order)
    late = declaration(order.asset_id)
    await DeclareObject(memory)(late)
    assert memory.entries[late.key].state is ObjectState.CONDEMNED
    assert late.key not in memory.purges[order.id].order.keys


async def test_replacing_an_object_does_not_end_its_asset() -> None:
    memory, asset_id = MemoryJanitor(), new_asset_id()
    old = declaration(asset_id)
    await OrderPurge(memory)(objects_order(asset_id, (old.key,)))
    fresh = declaration(asset_id)
    await DeclareObject(memory)(fresh)
    assert memory.entries[fresh.key].state is ObjectState.LIVING


async def test_a_declaration_that_comes_after_the_purge_of_its_key_revives_nothing() -> None:
    memory, order = MemoryJanitor(), asset_order()
    await OrderPurge(memory)(order)
    await DeclareObject(memory)(declaration(order.asset_id, order.keys[0]))
    assert memory.entries[order.keys[0]].state is ObjectState.CONDEMNED
