from uuid import UUID

from gateway_support.bench import Bench

from common.events import AssetPurged, Received, decode, new_message
from upload_gateway.consumers.purges import build_purges_handler


def purged(bench: Bench, asset_id: UUID) -> Received:
    fact = AssetPurged(asset_id=asset_id, reason="deleted", objects=1)
    message = new_message(fact, source="janitor", key=str(asset_id), sequence=1, clock=bench.clock)
    return decode(message.key.encode(), message.headers(), message.payload)


async def test_a_purged_asset_takes_its_name_along_once() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(3), 0, b"abc")
    await bench.verified(upload)
    before = len(bench.ledger.tables.messages)
    handle = build_purges_handler(bench.forget_name)
    for _ in range(2):
        await handle(purged(bench, upload.asset_id))
    (tombstone,) = bench.ledger.tables.messages[before:]
    assert tombstone.payload is None
    assert tombstone.key == f"upload-gateway/{upload.asset_id}"
    assert tombstone.envelope.sequence == 2
    forgotten = bench.ledger[upload]
    assert (forgotten.file_name, forgotten.metadata) == (None, "")
    assert forgotten.state == "stored"


async def test_an_asset_uploaded_elsewhere_has_no_name_here() -> None:
    bench = Bench()
    await build_purges_handler(bench.forget_name)(purged(bench, UUID(int=9)))
    assert bench.ledger.tables.messages == []
