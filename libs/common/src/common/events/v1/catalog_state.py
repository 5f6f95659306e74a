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
from common.events.v1.fields import (
    AssetRef,
    ContentType,
    ETag,
    Key,
    Reason,
    Rendition,
    Requires,
    RunRef,
    Size,
    UploadRef,
    UserRef,
    Visibility,
)
from common.events.v1.renditions import MediaFacts

# what this version can judge; a record that demands more is denied
STATE_VERSION = 1


class StoredObject(Part):
    """One object that may be served. `etag` is the store's, unquoted; times in seconds."""

    rendition: Rendition
    key: Key
    size: Size
    sha256: str = Field(description="SHA-256 of all bytes, lower-case hex")
    etag: ETag
    content_type: ContentType
    duration: float | None = Field(default=None, description="seconds")
    width: int | None = Field(default=None, description="pixels, as shown")
    height: int | None = Field(default=None, description="pixels, as shown")
    bit_rate: int | None = Field(default=None, description="bits per second")


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

    run: int = Field(ge=0, description="number of the run, from 1; 0 for one never asked for")
    run_id: UUID | None = Field(default=None, description="that run, when it has no number")
    state: str = Field(description="where the rendition stands")
    place: int | None = Field(default=None, description="index in `objects`, from 0")
    name: str | None = Field(default=None, description="its rendition; null: told by `objects`")
    profile: str | None = Field(default=None, description="null: the same word as its name")
    required: bool | None = Field(default=None, description="whether ready waits for it")
    reason: Reason | None = None
    output: StoredObject | None = Field(
        default=None, description="an object that is not served any more"
    )
    container: str | None = Field(default=None, description="as ffprobe calls it")
    codec: str | None = Field(default=None, description="as ffprobe calls it")
    sample_rate: int | None = Field(default=None, description="hertz")
    channels: int | None = Field(default=None, description="audio channels")
    ready_at: datetime | None = Field(default=None, description="when it was stored")


class AssetRow(_Lean):
    """What only the recovery of the catalog reads: the rest of the asset's row.

    `facts` is the sequence of the last fact told of it, `version` what its ETag is made of.
    """

    created_at: datetime = Field(description="when the catalog first heard of it")
    version: int = Field(description="what its ETag is made of")
    facts: int = Field(description="sequence of the last fact told of it")
    run: int = Field(ge=0, description="how many runs were asked for")
    planned: bool | None = Field(default=None, description="the current run told its plan")
    state_before: str | None = Field(default=None, description="where it stood when it was deleted")
    restorable_until: datetime | None = Field(default=None, description="end of the grace")
    media: MediaFacts | None = Field(default=None, description="what the probe measured")
    renditions: tuple[RenditionRow, ...] = Field(default=(), description="of every run")


class AssetState(StateRecord):
    """An asset as it is now. Key `asset/<asset_id>`."""

    TOPIC: ClassVar = CATALOG_STATE
    TYPE: ClassVar = "reprise.state.asset.v1"
    KEY: ClassVar = "asset/{asset_id}"
    requires: Requires = 1
    asset_id: AssetRef
    user_id: UserRef
    upload_id: UploadRef
    kind: str = Field(description="audio, image, video, avatar; any other word means deny")
    state: str = Field(description="where it stands (design §2); any unknown word means deny")
    reason: Reason | None = None
    visibility: Visibility
    members: tuple[UUID, ...] = Field(
        default=(), description="who may see it while its visibility is circle, beside the owner"
    )
    generation: int = Field(ge=1, description="of its tokens: a lower number opens nothing")
    original_policy: str = Field(
        default="on-request", description="may the original be streamed: never, on-request, always"
    )
    objects: tuple[StoredObject, ...] = Field(
        default=(), description="what may be served, those of the current run first"
    )
    run: RunRef | None = None
    applied: dict[str, int] = Field(
        default_factory=dict, description="last sequence the catalog read of it, by source topic"
    )
    stored_at: datetime | None = Field(default=None, description="when its bytes were whole")
    ready_at: datetime | None = Field(default=None, description="when it became playable")
    deleted_at: datetime | None = Field(default=None, description="when it was hidden from all")
    row: AssetRow | None = Field(
        default=None, description="what only the recovery of the catalog reads"
    )


class AliasState(StateRecord):
    """A losing duplicate's id and the asset that stands for it. Key `alias/<asset_id>`."""

    TOPIC: ClassVar = CATALOG_STATE
    TYPE: ClassVar = "reprise.state.alias.v1"
    KEY: ClassVar = "alias/{asset_id}"
    requires: Requires = 1
    asset_id: AssetRef
    duplicate_of: UUID = Field(description="the living asset with the same bytes and owner")


class EpochState(StateRecord):
    """The first record of the topic: another epoch means that Kafka was lost. Key `meta/epoch`."""

    TOPIC: ClassVar = CATALOG_STATE
    TYPE: ClassVar = "reprise.state.epoch.v1"
    KEY: ClassVar = "meta/epoch"
    requires: Requires = 1
    epoch: UUID = Field(description="the name of this log, made when its topics were")
