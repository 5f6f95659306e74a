"""Facts of the janitor: what was deleted, with proof (topic media.purges.v1, key asset_id)."""

from typing import ClassVar

from pydantic import Field

from common.events.model import Fact
from common.events.topics import PURGES
from common.events.v1.fields import AssetRef, Key, Reason, UserRef


class ObjectPurged(Fact):
    """One object is gone from the store; `reason` is that of the fact that allowed it."""

    TOPIC: ClassVar = PURGES
    TYPE: ClassVar = "reprise.purge.object-purged.v1"
    asset_id: AssetRef
    key: Key
    reason: Reason


class PurgeFailed(Fact):
    """The store refused; it will be tried again."""

    TOPIC: ClassVar = PURGES
    TYPE: ClassVar = "reprise.purge.failed.v1"
    asset_id: AssetRef
    key: Key
    error: str = Field(description="what the store said, as a stable code")
    attempts: int = Field(ge=1, description="tries so far")


class AssetPurged(Fact):
    """No object of the asset is left."""

    TOPIC: ClassVar = PURGES
    TYPE: ClassVar = "reprise.purge.asset-purged.v1"
    asset_id: AssetRef
    reason: Reason
    objects: int = Field(ge=0, description="objects deleted")


class SubjectErased(Fact):
    """Every part confirmed and every object of the person is gone."""

    TOPIC: ClassVar = PURGES
    TYPE: ClassVar = "reprise.purge.subject-erased.v1"
    KEY: ClassVar = "{user_id}"
    user_id: UserRef
    assets: int = Field(ge=0, description="assets purged")
    objects: int = Field(ge=0, description="objects deleted")
