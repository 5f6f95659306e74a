"""What the owner of an upload is told: entries that are kept, and what passes between them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from common.ids import AssetId, UploadId, UserId
from upload_gateway.domain.journey import AssetState, Journey
from upload_gateway.domain.upload import State, Upload


@dataclass(frozen=True, slots=True)
class Entry:
    """One change, of the upload itself or of the asset it became.

    `bytes` of `total` are committed, of an upload; `ready` and `failed` of `planned` renditions
    have ended, of an asset. `rendition` names the one that this entry is about.
    """

    user_id: UserId
    upload_id: UploadId
    asset_id: AssetId
    at: datetime
    about: Literal["upload", "asset"]
    state: State | AssetState
    reason: str | None = None
    bytes: int | None = None
    total: int | None = None
    duplicate_of: UUID | None = None
    rendition: str | None = None
    planned: int | None = None
    ready: int | None = None
    failed: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An entry in its place: numbers of one person grow by one, in the order of commits."""

    number: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Moving:
    """An upload whose bytes arrive, or are read again; `bytes` never shrinks."""

    upload_id: UploadId
    asset_id: AssetId
    state: State
    bytes: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person's stream stands, and all that is unfinished, at one moment.

    Entries after `floor` are kept, `last` is the newest. `more`: not all that is unfinished fits.
    """

    floor: int
    last: int
    uploads: tuple[Upload, ...] = ()
    journeys: tuple[Journey, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What one listener has not heard, at one moment; `moving` is empty while more entries wait."""

    told: tuple[Told, ...] = ()
    moving: tuple[Moving, ...] = ()


def changed(before: Upload | None, after: Upload, now: datetime) -> Entry | None:
    """What is to be told of a new row, or of one that was saved; bytes alone are no entry.

    Nobody hears of a partial upload: it is a piece of another one.
    """
    if after.partial or (before is not None and _said(before) == _said(after)):
        return None
    return Entry(
        user_id=after.user_id,
        upload_id=after.id,
        asset_id=after.asset_id,
        at=now,
        about="upload",
        state=after.state,
        reason=after.reason,
        bytes=after.offset,
        total=after.length,
        duplicate_of=after.duplicate_of,
    )


def travelled(journey: Journey, at: datetime, rendition: str | None, reason: str | None) -> Entry:
    """A step of an asset; `reason` is of this step, the asset's own where it has none."""
    return Entry(
        user_id=journey.user_id,
        upload_id=journey.upload_id,
        asset_id=journey.asset_id,
        at=at,
        about="asset",
        state=journey.state,
        reason=reason or journey.reason,
        rendition=rendition,
        planned=journey.planned,
        ready=journey.count("ready"),
        failed=journey.count("failed"),
    )


def _said(upload: Upload) -> tuple[object, ...]:
    return (upload.state, upload.reason, upload.duplicate_of)
