"""The rest of an asset's row, as its state record carries it for the recovery of the catalog."""

from collections.abc import Sequence
from uuid import UUID

from catalog.domain.asset import Asset
from catalog.domain.rendition import Rendition
from catalog.domain.serving import stored_object
from common.events import AssetRow, RenditionRow, StoredObject
from common.ids import run_id


def row_of(asset: Asset, objects: Sequence[StoredObject]) -> AssetRow:
    """What `objects` and the other fields of the record leave unsaid; all of it, nothing twice."""
    places = {item.key: place for place, item in enumerate(objects)}
    runs: dict[UUID, int] = {
        run_id(asset.asset_id, number): number for number in range(1, asset.run + 1)
    }
    return AssetRow(
        created_at=asset.created_at,
        version=asset.version,
        facts=asset.facts,
        run=asset.run,
        planned=asset.planned or None,
        state_before=asset.state_before.value if asset.state_before else None,
        restorable_until=asset.restorable_until,
        media=asset.media,
        renditions=tuple(_rendition(item, runs.get(item.run), places) for item in asset.renditions),
    )


def _rendition(item: Rendition, number: int | None, places: dict[str, int]) -> RenditionRow:
    output = item.output
    place = places.get(output.key) if output else None
    gone = output if place is None else None
    media = output.media if output else None
    return RenditionRow(
        run=number or 0,
        run_id=None if number else item.run,
        state=item.state.value,
        place=place,
        name=item.name if output is None else None,
        profile=item.profile if item.profile != item.name else None,
        required=item.required or None,
        reason=item.reason,
        output=stored_object(item.name, gone) if gone else None,
        container=media.container if media else None,
        codec=media.codec if media else None,
        sample_rate=media.sample_rate if media else None,
        channels=media.channels if media else None,
        ready_at=item.ready_at,
    )
