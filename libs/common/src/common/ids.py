"""The only place that makes ids and object keys.

Ids are born once (design rule 6). Object keys are frozen, immutable and never reused (design rule
8): the id in the prefix says whose an object is, and names never become keys.
"""

import re
import secrets
import uuid
from typing import NewType

from uuid_utils.compat import uuid5, uuid7

from common.errors import Invalid

AssetId = NewType("AssetId", uuid.UUID)
UploadId = NewType("UploadId", uuid.UUID)
UserId = NewType("UserId", uuid.UUID)
EventId = NewType("EventId", uuid.UUID)
RunId = NewType("RunId", uuid.UUID)
JobId = NewType("JobId", uuid.UUID)
ObjectKey = NewType("ObjectKey", str)

_NAMESPACE = uuid.UUID("6f1f9f0e-51a5-5d0c-9a3a-0a7d6c1c2f11")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")
_RENDITION = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_ASSET_KEY = re.compile(
    r"u/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/[a-z0-9][a-z0-9.-]{0,100}"
)


def new_asset_id() -> AssetId:
    """A time-ordered UUIDv7, given when the upload is created."""
    return AssetId(uuid7())


def new_upload_id() -> UploadId:
    """122 random bits: the upload URL is a capability (protocols.md 1.3)."""
    return UploadId(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


def new_event_id() -> EventId:
    """A time-ordered UUIDv7."""
    return EventId(uuid7())


def run_id(asset_id: AssetId, number: int) -> RunId:
    """The id of the nth processing run of an asset: the same wherever it is computed."""
    return RunId(uuid5(_NAMESPACE, f"run|{asset_id}|{number}"))


def job_id(asset_id: AssetId, run: RunId, step: str) -> JobId:
    """Deterministic, so that a fact read twice makes one job (design §2)."""
    return JobId(uuid5(_NAMESPACE, f"job|{asset_id}|{run}|{step}"))


def event_id_for(*parts: object) -> EventId:
    """The id of a fact that a reactor creates; the same facts in give the same id out."""
    return EventId(uuid5(_NAMESPACE, "event|" + "|".join(str(part) for part in parts)))


def new_object_id() -> str:
    """Sixteen hex digits, fresh for every object written."""
    return secrets.token_hex(8)


def original_key(asset_id: AssetId, extension: str) -> ObjectKey:
    """`u/<asset_id>/original-<object_id>.<ext>`."""
    return _asset_key(asset_id, "original", extension)


def rendition_key(asset_id: AssetId, rendition: str, extension: str) -> ObjectKey:
    """`u/<asset_id>/<rendition>-<object_id>.<ext>`, a fresh one for every attempt."""
    if not _RENDITION.fullmatch(rendition):
        raise Invalid(
            "a rendition name is lower-case letters, digits and dashes", code="invalid_rendition"
        )
    return _asset_key(asset_id, rendition, extension)


def manifest_key(asset_id: AssetId, version: int) -> ObjectKey:
    """`u/<asset_id>/manifest-<version>.json`."""
    return ObjectKey(f"u/{asset_id}/manifest-{version}.json")


def staging_key(upload_id: UploadId, offset: int) -> ObjectKey:
    """`staging/<upload_id>/<offset>-<object_id>`."""
    return ObjectKey(f"staging/{upload_id}/{offset}-{new_object_id()}")


def asset_of_key(key: str) -> AssetId | None:
    """Whose object this is, or None when the key is not of the form we write."""
    match = _ASSET_KEY.fullmatch(key)
    return AssetId(uuid.UUID(match.group(1))) if match else None


def _asset_key(asset_id: AssetId, name: str, extension: str) -> ObjectKey:
    if not _EXTENSION.fullmatch(extension):
        raise Invalid(
            "an extension is one to eight lower-case letters or digits", code="invalid_extension"
        )
    return ObjectKey(f"u/{asset_id}/{name}-{new_object_id()}.{extension}")
