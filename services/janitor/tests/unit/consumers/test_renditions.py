"""Every stored rendition enters the ledger under its own asset."""

import pytest
from services.janitor.tests.unit.memory import NOW, MemoryJanitor

from common.errors import Corrupt
from common.events import Envelope, MediaFacts, Received, RenditionReady
from common.ids import AssetId, new_asset_id, new_event_id, rendition_key, run_id
from janitor.consumers.renditions import build_renditions_handler
from janitor.usecases.declare_object import DeclareObject


def ready(asset_id: AssetId, key: str) -> Received:
    fact = RenditionReady(
        asset_id=asset_id,
        run=run_id(asset_id, 1),
        rendition="mp3-192",
        profile="mp3-192",
        key=key,
        size=1,
        sha256="0" * 64,
        etag="e",
        content_type="audio/mpeg",
        media=MediaFacts(container="mp3", codec="mp3"),
    )
    envelope = Envelope(new_event_id(), "transcoder", fact.TYPE, NOW, str(asset_id), 1)
    return Received(envelope, str(asset_id), fact)


async def test_a_stored_rendition_is_declared_by_the_transcoder() -> None:
    memory, asset_id = MemoryJanitor(), new_asset_id()
    key = rendition_key(asset_id, "mp3-192", "mp3")
    await build_renditions_handler(DeclareObject(memory))(ready(asset_id, key))
    assert memory.entries[key].declared_by == "transcoder"


async def test_a_rendition_under_another_asset_is_no_declaration() -> None:
    memory = MemoryJanitor()
    stray = ready(new_asset_id(), rendition_key(new_asset_id(), "mp3-192", "mp3"))
    with pytest.raises(Corrupt):
        await build_renditions_handler(DeclareObject(memory))(stray)
    assert memory.entries == {}
