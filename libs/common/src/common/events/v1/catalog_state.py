"""What is now, one record per entity (media.catalog-state.v1, key `<entity>/<id>`).

A record carries `requires`: a reader that knows less denies the entity and counts it. A tombstone
is a null value; its `ce_sequence` header carries the sequence. Unknown kind, state or visibility
means deny.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.events.model import Part, StateRecord
from common.events.topics import CATALOG_STATE

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
