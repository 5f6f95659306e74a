"""Facts become orders with their own reason, scope and proof; a foreign key makes none."""

from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import CollectorRegistry, Counter
from services.janitor.tests.unit.memory import NOW, MemoryJanitor

from common.events import (
    AssetDeleted,
    AssetPurgeDue,
    AssetRegistered,
    Envelope,
    Event,
    ObjectsPurgeDue,
    Received,
    UploadAborted,
    UploadExpired,
    UploadRejected,
    UploadStarted,
    UploadWithdrawn,
)
from common.ids import new_asset_id, new_event_id, new_upload_id, original_key, staging_key
from janitor.consumers.assets import build_assets_handler
from janitor.consumers.orders import OrderIntake
from janitor.consumers.uploads import build_uploads_handler
from janitor.domain.errors import RefusesToDelete
from janitor.domain.ledger import ObjectState
from janitor.domain.purge_order import PurgeOrder, Scope
from janitor.usecases.declare_object import DeclareObject
from janitor.usecases.order_purge import OrderPurge

ASSET, UPLOAD, USER = new_asset_id(), new_upload_id(), new_event_id()
ORIGINAL, STAGED = original_key(ASSET, "flac"), staging_key(UPLOAD, 0)
OF_UPLOAD = {"asset_id": ASSET, "upload_id": UPLOAD, "user_id": USER, "kind": "audio"}
OF_OBJECT = {"size": 1, "sha256": "0" * 64, "content_type": "audio/flac", "key": ORIGINAL}

Handle = Callable[[Received], Awaitable[None]]


def received(event: Event, source: str) -> Received:
    envelope = Envelope(
        new_event_id(), source, event.TYPE, NOW, str(ASSET), 1, "root", None, "00-t"
    )
    return Received(envelope, str(ASSET), event)


def refusals() -> Counter:
    return Counter("refused_orders", "test", registry=CollectorRegistry())


def handlers(memory: MemoryJanitor, counter: Counter | None = None) -> tuple[Handle, Handle]:
    intake = OrderIntake(OrderPurge(memory), counter or refusals())
    declare = DeclareObject(memory)
    return build_uploads_handler(declare, intake), build_assets_handler(declare, intake)


def only_order(memory: MemoryJanitor) -> PurgeOrder:
    (purge,) = memory.purges.values()
    return purge.order


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (UploadRejected(**OF_UPLOAD, keys=(ORIGINAL, STAGED), reason="not_media"), "not_media"),
        (UploadAborted(**OF_UPLOAD, keys=(ORIGINAL, STAGED)), "aborted"),
        (UploadExpired(**OF_UPLOAD, keys=(ORIGINAL, STAGED)), "expired"),
    ],
)
async def test_the_end_of_an_upload_permits_its_original_and_its_segments(
    fact: Event, reason: str
) -> None:
    memory = MemoryJanitor()
    await handlers(memory)[0](received(fact, "upload-gateway"))
    order = only_order(memory)
    assert (order.scope, order.reason, order.keys) == (Scope.UPLOAD, reason, (ORIGINAL, STAGED))
    assert (order.cause.source, order.cause.correlation_id) == ("upload-gateway", "root")


@pytest.mark.parametrize(
    ("fact", "scope"),
    [
        (AssetPurgeDue(asset_id=ASSET, reason="grace_over", keys=(ORIGINAL,)), Scope.ASSET),
        (ObjectsPurgeDue(asset_id=ASSET, reason="replaced", keys=(ORIGINAL,)), Scope.OBJECTS),
    ],
)
async def test_the_catalogs_facts_permit_keys_of_their_asset(fact: Event, scope: Scope) -> None:
    memory = MemoryJanitor()
    await handlers(memory)[1](received(fact, "catalog"))
    assert (only_order(memory).scope, only_order(memory).keys) == (scope, (ORIGINAL,))


async def test_a_fact_delivered_twice_makes_one_order() -> None:
    memory = MemoryJanitor()
    record = received(AssetPurgeDue(asset_id=ASSET, reason="r", keys=(ORIGINAL,)), "catalog")
    for _ in range(2):
        await handlers(memory)[1](record)
    assert len(memory.purges) == 1


@pytest.mark.parametrize(
    "key",
    [original_key(new_asset_id(), "flac"), STAGED, f"u/{ASSET}/"],
    ids=["another asset", "a segment", "a folder"],
)
async def test_a_foreign_key_is_counted_and_refused_with_the_whole_fact(key: str) -> None:
    memory, counter = MemoryJanitor(), refusals()
    fact = AssetPurgeDue(asset_id=ASSET, reason="r", keys=(ORIGINAL, key))
    with pytest.raises(RefusesToDelete):
        await handlers(memory, counter)[1](received(fact, "catalog"))
    assert counter._value.get() == 1
    assert memory.purges == {}
    assert memory.entries == {}


async def test_declared_originals_are_entered_once_however_many_facts_name_them() -> None:
    memory = MemoryJanitor()
    uploads, assets = handlers(memory)
    await uploads(received(UploadStarted(**OF_UPLOAD, key=ORIGINAL), "upload-gateway"))
    registered = AssetRegistered(**OF_UPLOAD, **OF_OBJECT)
    await assets(received(registered, "catalog"))
    (entry,) = memory.entries.values()
    assert (entry.declared_by, entry.state) == ("upload-gateway", ObjectState.LIVING)


@pytest.mark.parametrize("which", ["withdrawn", "deleted"])
async def test_what_may_still_be_restored_permits_nothing(which: str) -> None:
    memory = MemoryJanitor()
    uploads, assets = handlers(memory)
    if which == "withdrawn":
        await uploads(received(UploadWithdrawn(**OF_UPLOAD), "upload-gateway"))
    else:
        fact = AssetDeleted(asset_id=ASSET, generation=2, restorable_until=NOW)
        await assets(received(fact, "catalog"))
    assert memory.purges == {}
    assert memory.dead == {}
