"""What is now, one record per entity (media.catalog-state.v1, key `<entity>/<id>`).

A record carries `requires`: a reader that knows less denies the entity and counts it. A tombstone
is a null value; its `ce_sequence` header carries the sequence. Unknown kind, state or visibility
means deny.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from common.events.model import Part, StateRecord
from common.events.topics import CATALOG_STATE
from common.events.v1.renditions import MediaFacts

STATE_VERSION = 1


class StoredObject(Part):
    """One object that may be served. `etag` is the store's, unquoted; times in seconds."""

    rendition: str
    key: str
    size: int = Field(ge=0, description="bytes")
    sha256: str
    etag: str
    content_type: str
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    bit_rate: int | None = None


class _Lean(Part):
    """Written without what is null: every serving index reads over these bytes."""

    @model_serializer(mode="wrap")
    def _without_nulls(self, written: SerializerFunctionWrapHandler) -> dict[str, object]:
        fields: dict[str, object] = written(self)
        return {name: value for name, value in fields.items() if value is not None}


class RenditionRow(_Lean):
    """A rendition as its owner's row has it.

    `place` is where its object stands in `objects`, which then tells name, key, size, digest and
    measures; `output` is an object that is not served any more. A profile is told where it differs
    from the name.
    """

    run: int = Field(ge=1, description="number of the run, from 1")
    state: str
    place: int | None = None
    name: str | None = None
    profile: str | None = None
    required: bool | None = None
    reason: str | None = None
    output: StoredObject | None = None
    container: str | None = None
    codec: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    ready_at: datetime | None = None


class AssetRow(_Lean):
    """What only the recovery of the catalog reads: the rest of the asset's row.

    `facts` is the sequence of the last fact told of it, `version` what its ETag is made of.
    """

    created_at: datetime
    version: int
    facts: int
    run: int = Field(ge=0, description="how many runs were asked for")
    planned: bool | None = None
    state_before: str | None = None
    restorable_until: datetime | None = None
    media: MediaFacts | None = None
    renditions: tuple[RenditionRow, ...] = ()


class AssetState(StateRecord):
    """An asset as it is now. Key `asset/<asset_id>`."""

    TOPIC: ClassVar = CATALOG_STATE
    TYPE: ClassVar = "reprise.state.asset.v1"
    requires: int = STATE_VERSION
    asset_id: UUID
    user_id: UUID
    upload_id: UUID
    kind: str
    state: str
    reason: str | None = None
    visibility: str
    members: tuple[UUID, ...] = ()
    generation: int = Field(ge=1)
    original_policy: str = "on-request"
    objects: tuple[StoredObject, ...] = ()
    run: UUID | None = None
    applied: dict[str, int] = Field(default_factory=dict)
    stored_at: datetime | None = None
    ready_at: datetime | None = None
    deleted_at: datetime | None = None
    row: AssetRow | None = None


class AliasState(StateRecord):
    """A losing duplicate's id and the asset that stands for it. Key `alias/<asset_id>`."""

    TOPIC: ClassVar = CATALOG_STATE
    TYPE: ClassVar = "reprise.state.alias.v1"
    requires: int = STATE_VERSION
    asset_id: UUID
    duplicate_of: UUID


class EpochState(StateRecord):
    """The first record of the topic: another epoch means that Kafka was lost. Key `meta/epoch`."""

    TOPIC: ClassVar = CATALOG_STATE
    TYPE: ClassVar = "reprise.state.epoch.v1"
    requires: int = STATE_VERSION
    epoch: UUID
