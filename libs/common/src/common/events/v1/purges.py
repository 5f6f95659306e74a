"""Facts of the janitor: what was deleted, with proof (topic media.purges.v1, key asset_id)."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.events.model import Fact
from common.events.topics import PURGES


class ObjectPurged(Fact):
    """One object is gone from the store; `reason` is that of the fact that allowed it."""

    TOPIC: ClassVar = PURGES
    TYPE: ClassVar = "reprise.purge.object-purged.v1"
    asset_id: UUID
    key: str
    reason: str


class PurgeFailed(Fact):
    """The store refused; it will be tried again."""

    TOPIC: ClassVar = PURGES
    TYPE: ClassVar = "reprise.purge.failed.v1"
    asset_id: UUID
    key: str
    error: str
    attempts: int = Field(ge=1)


class AssetPurged(Fact):
    """No object of the asset is left."""

    TOPIC: ClassVar = PURGES
    TYPE: ClassVar = "reprise.purge.asset-purged.v1"
    asset_id: UUID
    reason: str
    objects: int = Field(ge=0)


class SubjectErased(Fact):
    """Every part confirmed and every object of the person is gone."""

    TOPIC: ClassVar = PURGES
    TYPE: ClassVar = "reprise.purge.subject-erased.v1"
    user_id: UUID
    assets: int = Field(ge=0)
    objects: int = Field(ge=0)
