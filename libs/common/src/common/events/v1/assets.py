"""Facts of the catalog: the life of an asset (topic media.assets.v1, key asset_id)."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.events.model import Fact
from common.events.topics import ASSETS
from common.events.v1.fields import (
    AssetRef,
    ContentType,
    Generation,
    Key,
    Keys,
    Kind,
    Reason,
    RunRef,
    Sha256,
    Size,
    UploadRef,
    UserRef,
    Visibility,
)


class AssetFact(Fact):
    """What all facts about an asset say."""

    TOPIC: ClassVar = ASSETS
    asset_id: AssetRef


class AssetRegistered(AssetFact):
    """The asset exists and its original is stored."""

    TYPE: ClassVar = "reprise.asset.registered.v1"
    user_id: UserRef
    upload_id: UploadRef
    kind: Kind
    key: Key
    size: Size
    sha256: Sha256
    content_type: ContentType


class UploadDeduplicated(AssetFact):
    """The same bytes already live here; the losing id is an alias of `duplicate_of`."""

    TYPE: ClassVar = "reprise.asset.upload-deduplicated.v1"
    user_id: UserRef
    upload_id: UploadRef
    duplicate_of: UUID = Field(description="the living asset with the same bytes and owner")


class ProcessingRequested(AssetFact):
    """A run of the transcoder is wanted; the same run is never asked for with other inputs."""

    TYPE: ClassVar = "reprise.asset.processing-requested.v1"
    user_id: UserRef
    run: RunRef
    kind: Kind
    key: Key
    size: Size
    sha256: Sha256
    content_type: ContentType


class AssetReady(AssetFact):
    """All required renditions of the run are there."""

    TYPE: ClassVar = "reprise.asset.ready.v1"
    run: RunRef


class AssetFailed(AssetFact):
    """It will not become playable; the original is kept. `reason` is a stable code."""

    TYPE: ClassVar = "reprise.asset.failed.v1"
    run: RunRef | None = None
    reason: Reason


class AssetPublished(AssetFact):
    """Its visibility became wider."""

    TYPE: ClassVar = "reprise.asset.published.v1"
    visibility: Visibility
    generation: Generation


class AssetHidden(AssetFact):
    """Its visibility became narrower: older tokens no longer open it."""

    TYPE: ClassVar = "reprise.asset.hidden.v1"
    visibility: Visibility
    generation: Generation


class AssetDeleted(AssetFact):
    """Hidden at once; may be restored until `restorable_until`."""

    TYPE: ClassVar = "reprise.asset.deleted.v1"
    generation: Generation
    restorable_until: datetime = Field(description="end of the grace; only the catalog ends it")


class AssetRestored(AssetFact):
    """Back within the grace, under a new generation."""

    TYPE: ClassVar = "reprise.asset.restored.v1"
    generation: Generation


class AssetPurgeDue(AssetFact):
    """Irrevocable: these objects may be deleted, and the asset never lives again."""

    TYPE: ClassVar = "reprise.asset.purge-due.v1"
    reason: Reason
    keys: Keys


class ObjectsPurgeDue(AssetFact):
    """Irrevocable: these replaced objects of a living asset may be deleted."""

    TYPE: ClassVar = "reprise.asset.objects-purge-due.v1"
    reason: Reason
    keys: Keys


class SubjectErasureRequested(Fact):
    """Everything of this person is to go; every service confirms its part."""

    TOPIC: ClassVar = ASSETS
    TYPE: ClassVar = "reprise.asset.subject-erasure-requested.v1"
    KEY: ClassVar = "{user_id}"
    user_id: UserRef


class CatalogErased(Fact):
    """The catalog's part of a subject's erasure is done."""

    TOPIC: ClassVar = ASSETS
    TYPE: ClassVar = "reprise.asset.subject-part-erased.v1"
    KEY: ClassVar = "{user_id}"
    user_id: UserRef
