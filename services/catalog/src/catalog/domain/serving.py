"""Which objects of an asset may be served."""

from catalog.domain.asset import Asset
from catalog.domain.rendition import Output, RenditionState
from common.events import StoredObject

ORIGINAL = "original"


def servable(asset: Asset) -> tuple[StoredObject, ...]:
    """The original and every stored rendition, those of the current run first.

    A superseded object stays in the list until it is purged: a URL handed out for it keeps playing.
    """
    made = [item for item in asset.renditions if item.state is RenditionState.READY]
    made.sort(key=lambda item: (item.run != asset.run_id, item.name))
    outputs = tuple(stored_object(item.name, item.output) for item in made if item.output)
    return (*_original(asset), *outputs)


def _original(asset: Asset) -> tuple[StoredObject, ...]:
    original, media = asset.original, asset.media
    if original is None:
        return ()
    found = StoredObject(
        rendition=ORIGINAL,
        key=asset.key,
        size=original.size,
        sha256=original.sha256,
        etag=original.etag,
        content_type=original.content_type,
        duration=media.duration if media else None,
        width=media.width if media else None,
        height=media.height if media else None,
        bit_rate=media.bit_rate if media else None,
    )
    return (found,)


def stored_object(name: str, output: Output) -> StoredObject:
    """The stored object of a rendition as records tell it."""
    return StoredObject(
        rendition=name,
        key=output.key,
        size=output.size,
        sha256=output.sha256,
        etag=output.etag,
        content_type=output.content_type,
        duration=output.media.duration,
        width=output.media.width,
        height=output.media.height,
        bit_rate=output.media.bit_rate,
    )
