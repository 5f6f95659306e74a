from uuid import UUID

from gateway_support.bench import Bench

from common.events import AssetReady, Event, Received, UploadDeduplicated, decode, new_message
from upload_gateway.consumers.assets import build_assets_handler

ASSET, FIRST = UUID(int=5), UUID(int=6)


def received(bench: Bench, event: Event) -> Received:
    message = new_message(event, source="catalog", key=str(ASSET), sequence=1, clock=bench.clock)
    return decode(message.key.encode(), message.headers(), message.payload)


async def test_a_deduplication_marks_the_upload_however_often_it_comes() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(3), 0, b"abc")
    await bench.verified(upload)
    handle = build_assets_handler(bench.mark_duplicate, bench.follow)
    fact = UploadDeduplicated(
        asset_id=upload.asset_id, user_id=upload.user_id, upload_id=upload.id, duplicate_of=FIRST
    )
    for _ in range(2):
        await handle(received(bench, fact))
    assert bench.ledger[upload].duplicate_of == FIRST


async def test_other_facts_of_the_catalog_change_nothing() -> None:
    bench = Bench()
    await build_assets_handler(bench.mark_duplicate, bench.follow)(
        received(bench, AssetReady(asset_id=ASSET, run=FIRST))
    )
    assert bench.ledger.tables.uploads == {}
