"""Names and tags on their way in: what a producer says now of one asset, or that it forgot it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from common.errors import Corrupt
from common.events import MediaDetails, Received, UploadDetails
from common.ids import AssetId


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One producer's record. An empty one with a sequence is what stays of a tombstone."""

    asset_id: AssetId
    source: str
    sequence: int
    file_name: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    cue: str | None = None
    captured_at: datetime | None = None

    def emptied(self) -> "Details":
        """The same record without anything a person could be known by."""
        return Details(asset_id=self.asset_id, source=self.source, sequence=self.sequence)


def details_of(received: Received) -> Details:
    """Read a record of the details topic, tombstones too.

    Raises Corrupt for a key that is not ours.
    """
    source, _, text = received.key.partition("/")
    try:
        empty = Details(
            asset_id=AssetId(UUID(text)), source=source, sequence=received.envelope.sequence
        )
    except ValueError as error:
        raise Corrupt("the key of a details record names no asset", code="bad_key") from error
    return _filled(empty, received)


def _filled(empty: Details, received: Received) -> Details:
    event = received.event
    if isinstance(event, UploadDetails):
        return Details(
            asset_id=empty.asset_id,
            source=empty.source,
            sequence=empty.sequence,
            file_name=event.file_name,
            metadata=event.metadata,
        )
    if isinstance(event, MediaDetails):
        return Details(
            asset_id=empty.asset_id,
            source=empty.source,
            sequence=empty.sequence,
            tags=event.tags,
            cue=event.cue,
            captured_at=event.captured_at,
        )
    return empty
