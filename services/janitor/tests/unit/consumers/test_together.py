"""What one poll brings is entered as a whole, and orders among it are taken all the same."""

import pytest
from services.janitor.tests.unit.memory import NOW, MemoryJanitor
from services.janitor.tests.unit.samples import asset_order

from common.errors import Corrupt
from common.events import AssetHidden, Envelope, Event, Received, UploadAborted, UploadStarted
from common.ids import AssetId, new_asset_id, new_event_id, new_upload_id, original_key
from janitor.consumers.together import build_together
from janitor.domain.ledger import ObjectState
from janitor.usecases.declare_objects import DeclareObjects
from janitor.usecases.order_purge import OrderPurge


def received(asset_id: AssetId, event: Event) -> Received:
    envelope = Envelope(new_event_id(), "upload-gateway", event.TYPE, NOW, str(asset_id), 1)
    return Received(envelope, str(asset_id), event)


def started(asset_id: AssetId, key_of: AssetId | None = None) -> Received:
    fact = UploadStarted(
        asset_id=asset_id,
        upload_id=new_upload_id(),
        user_id=new_event_id(),
        kind="audio",
        key=original_key(key_of or asset_id, "flac"),
        declared_size=1,
    )
    return received(asset_id, fact)


class Scene:
    def __init__(self) -> None:
        self.memory, self.others = MemoryJanitor(), list[Received]()
        self.handle_many = build_together(DeclareObjects(self.memory), self.take)

    async def take(self, other: Received) -> None:
        self.others.append(other)


async def test_declarations_are_entered_and_the_rest_goes_one_by_one_in_order() -> None:
    scene, assets = Scene(), [new_asset_id() for _ in range(3)]
    ended = received(
        assets[0],
        UploadAborted(
            asset_id=assets[0],
            upload_id=new_upload_id(),
            user_id=new_event_id(),
            kind="audio",
            keys=(),
        ),
    )
    other = received(assets[1], AssetHidden(asset_id=assets[1], generation=2, visibility="owner"))
    await scene.handle_many([started(assets[0]), ended, started(assets[1]), other])
    assert {entry.asset_id for entry in scene.memory.entries.values()} == set(assets[:2])
    assert scene.others == [ended, other]


async def test_the_dead_are_condemned_and_the_living_are_not() -> None:
    scene, order, living = Scene(), asset_order(), new_asset_id()
    await OrderPurge(scene.memory)(order)
    late, early = started(order.asset_id), started(living)
    await scene.handle_many([late, early])
    states = {
        entry.asset_id: entry.state
        for key, entry in scene.memory.entries.items()
        if key not in order.keys
    }
    assert states == {order.asset_id: ObjectState.CONDEMNED, living: ObjectState.LIVING}


async def test_one_foreign_key_among_them_leaves_all_for_the_way_one_by_one() -> None:
    scene, stray = Scene(), started(new_asset_id(), key_of=new_asset_id())
    with pytest.raises(Corrupt):
        await scene.handle_many([started(new_asset_id()), stray])
    assert (scene.memory.entries, scene.others) == ({}, [])


async def test_a_poll_without_declarations_begins_no_transaction() -> None:
    scene, asset_id = Scene(), new_asset_id()
    scene.memory.begin = None  # type: ignore[assignment,method-assign]
    await scene.handle_many(
        [received(asset_id, AssetHidden(asset_id=asset_id, generation=2, visibility="owner"))]
    )
    assert len(scene.others) == 1
