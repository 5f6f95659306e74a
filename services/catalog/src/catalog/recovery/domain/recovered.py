"""From a state record back to the asset it was made of: the inverse of `row_record`."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from catalog.domain.asset import Asset, Original
from catalog.domain.rendition import Output, Rendition, RenditionState
from catalog.domain.serving import ORIGINAL
from catalog.domain.states import State
from common.errors import Corrupt
from common.events import AssetRow, AssetState, MediaFacts, MediaKind, RenditionRow, StoredObject
from common.ids import AssetId, UploadId, UserId, run_id


def recovered(state: AssetState, sequence: int) -> Asset | None:
    """The asset as it was when the record with this sequence was written.

    None for a record of a version that did not carry the row: its history must be told instead.
    """
    row = state.row
    if row is None:
        return None
    asset_id = AssetId(state.asset_id)
    original = _original(state.objects)
    return Asset(
        asset_id=asset_id,
        user_id=UserId(state.user_id),
        upload_id=UploadId(state.upload_id),
        kind=cast("MediaKind", state.kind),  # our own records; readers elsewhere must doubt it
        key=original.key,
        created_at=row.created_at,
        state=State(state.state),
        reason=state.reason,
        state_before=State(row.state_before) if row.state_before else None,
        original=Original(
            size=original.size,
            sha256=original.sha256,
            etag=original.etag,
            content_type=original.content_type,
        ),
        media=row.media,
        run=row.run,
        planned=bool(row.planned),
        renditions=_renditions(asset_id, row, state.objects),
        visibility=state.visibility,
        original_policy=state.original_policy,
        generation=state.generation,
        stored_at=state.stored_at,
        ready_at=state.ready_at,
        deleted_at=state.deleted_at,
        restorable_until=row.restorable_until,
        applied=state.applied,
        facts=row.facts,
        records=sequence,
        version=row.version,
    )


def _original(objects: Sequence[StoredObject]) -> StoredObject:
    if not objects or objects[0].rendition != ORIGINAL:
        raise Corrupt("a state record without an original", code="bad_state")
    return objects[0]


def _renditions(
    asset_id: AssetId, row: AssetRow, objects: Sequence[StoredObject]
) -> tuple[Rendition, ...]:
    runs: dict[int, UUID] = {}
    for item in row.renditions:
        if item.run and item.run not in runs:
            runs[item.run] = run_id(asset_id, item.run)
    return tuple(_rendition(item, runs.get(item.run), objects) for item in row.renditions)


def _rendition(item: RenditionRow, run: UUID | None, objects: Sequence[StoredObject]) -> Rendition:
    stored = item.output if item.place is None else objects[item.place]
    run, name = run or item.run_id, stored.rendition if stored else item.name
    if run is None or name is None:
        raise Corrupt("a rendition without a run or a name", code="bad_state")
    return Rendition(
        run=run,
        name=name,
        profile=item.profile or name,
        required=bool(item.required),
        state=RenditionState(item.state),
        reason=item.reason,
        output=_output(item, stored) if stored else None,
        ready_at=item.ready_at,
    )


def _output(item: RenditionRow, stored: StoredObject) -> Output:
    return Output(
        key=stored.key,
        size=stored.size,
        sha256=stored.sha256,
        etag=stored.etag,
        content_type=stored.content_type,
        media=MediaFacts(
            container=item.container or "",
            codec=item.codec or "",
            duration=stored.duration,
            width=stored.width,
            height=stored.height,
            bit_rate=stored.bit_rate,
            sample_rate=item.sample_rate,
            channels=item.channels,
        ),
    )
