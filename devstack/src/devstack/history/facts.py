"""The facts the checks know by name, and what a payload says."""

import json
from typing import Any

from common.events import (
    AssetDeleted,
    AssetFailed,
    AssetHidden,
    AssetPublished,
    AssetPurged,
    AssetPurgeDue,
    AssetReady,
    AssetRegistered,
    AssetRestored,
    MediaFlagged,
    MediaProbed,
    ObjectPurged,
    ObjectsPurgeDue,
    ProcessingFailed,
    ProcessingFinished,
    ProcessingRequested,
    PurgeFailed,
    RenditionFailed,
    RenditionReady,
    UploadAborted,
    UploadCompleted,
    UploadDeduplicated,
    UploadExpired,
    UploadRejected,
    UploadStarted,
    UploadWithdrawn,
)
from common.events.topics import TOPICS

FACT_TOPICS = frozenset(t.name for t in TOPICS if t.policy == "delete" and t.retention is None)
STATE_TOPICS = frozenset(t.name for t in TOPICS if t.policy == "compact")

ENDED = frozenset({UploadRejected.TYPE, UploadAborted.TYPE, UploadExpired.TYPE})
ORDERS = ENDED | {AssetPurgeDue.TYPE, ObjectsPurgeDue.TYPE}
DECLARATIONS = frozenset(
    {UploadStarted.TYPE, UploadCompleted.TYPE, AssetRegistered.TYPE, RenditionReady.TYPE}
)
DEADLY = ENDED | {AssetPurgeDue.TYPE}
LIVELY = frozenset(
    {
        AssetRegistered.TYPE,
        AssetReady.TYPE,
        AssetRestored.TYPE,
        AssetPublished.TYPE,
        ProcessingRequested.TYPE,
    }
)

# what the catalog keeps the last sequence of, by the group that reads it
CATALOG_READS: dict[str, frozenset[str]] = {
    "catalog.uploads": ENDED | {UploadStarted.TYPE, UploadCompleted.TYPE, UploadWithdrawn.TYPE},
    "catalog.renditions": frozenset(
        {
            MediaProbed.TYPE,
            RenditionReady.TYPE,
            RenditionFailed.TYPE,
            ProcessingFinished.TYPE,
            ProcessingFailed.TYPE,
            MediaFlagged.TYPE,
        }
    ),
    "catalog.purges": frozenset({ObjectPurged.TYPE, PurgeFailed.TYPE, AssetPurged.TYPE}),
}

# what a fact is told of at most once, as the members of its payload that name it
ONCE: dict[str, tuple[str, ...]] = {
    UploadStarted.TYPE: ("upload_id",),
    UploadCompleted.TYPE: ("upload_id",),
    UploadRejected.TYPE: ("upload_id",),
    UploadAborted.TYPE: ("upload_id",),
    UploadExpired.TYPE: ("upload_id",),
    UploadWithdrawn.TYPE: ("upload_id",),
    AssetRegistered.TYPE: ("asset_id",),
    UploadDeduplicated.TYPE: ("asset_id",),
    ProcessingRequested.TYPE: ("asset_id", "run"),
    AssetReady.TYPE: ("asset_id", "run"),
    AssetFailed.TYPE: ("asset_id", "run", "reason"),
    AssetPublished.TYPE: ("asset_id", "generation"),
    AssetHidden.TYPE: ("asset_id", "generation"),
    AssetDeleted.TYPE: ("asset_id", "generation"),
    AssetRestored.TYPE: ("asset_id", "generation"),
    AssetPurgeDue.TYPE: ("asset_id",),
    ObjectsPurgeDue.TYPE: ("asset_id", "keys"),
    MediaProbed.TYPE: ("run",),
    RenditionReady.TYPE: ("run", "rendition"),
    RenditionFailed.TYPE: ("run", "rendition"),
    ProcessingFinished.TYPE: ("run",),
    ProcessingFailed.TYPE: ("run",),
    ObjectPurged.TYPE: ("key",),
    AssetPurged.TYPE: ("asset_id",),
}
# facts of which only one may ever be told of the same thing
EXCLUSIVE: dict[str, str] = {
    **dict.fromkeys(ENDED, "upload ended"),
    RenditionReady.TYPE: "step ended",
    RenditionFailed.TYPE: "step ended",
    ProcessingFinished.TYPE: "run ended",
    ProcessingFailed.TYPE: "run ended",
}


def said(payload: bytes | None) -> dict[str, Any]:
    """A payload as an object; empty when there is none or it is no JSON object."""
    try:
        value = json.loads(payload or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
