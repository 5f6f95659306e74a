"""What the gateway says of an upload, once, in its last state."""

from common.clock import Clock
from common.events import (
    Event,
    Message,
    UploadAborted,
    UploadCompleted,
    UploadDetails,
    UploadExpired,
    UploadRejected,
    UploadStarted,
    UploadWithdrawn,
    new_message,
    tombstone,
)
from common.events.topics import DETAILS, UPLOAD_GATEWAY
from upload_gateway.domain.formats import essence
from upload_gateway.domain.upload import Segment, Upload

# what clients call the same two things; the rest of their metadata goes on as it came
NAMES = ("filename", "name")
TYPES = ("filetype", "type")
# A record has its bounds, and the pieces of an upload that comes in crumbs have none. Those beyond
# are found by their prefix when it is cleared up.
MAX_PIECES = 1000
INTERPRETED = frozenset({*NAMES, *TYPES, "kind", "sha256"})


def announced(upload: Upload, event: Event, clock: Clock) -> Message:
    """A fact under the upload's present sequence."""
    return new_message(
        event,
        source=UPLOAD_GATEWAY,
        key=str(upload.asset_id),
        sequence=upload.sequence,
        clock=clock,
    )


def started(upload: Upload) -> UploadStarted:
    return UploadStarted(
        **_who(upload),
        key=upload.key,
        declared_size=upload.length,
        declared_type=essence(upload.declared_type),
    )


def carried(metadata: dict[str, str]) -> dict[str, str]:
    """What goes on with the name: all that the gateway itself does not interpret."""
    return {key: value for key, value in metadata.items() if key not in INTERPRETED}


def named(upload: Upload, metadata: dict[str, str], clock: Clock) -> Message:
    """The only record that carries a name; it goes the road of details, which is tombstoned."""
    return new_message(
        UploadDetails(asset_id=upload.asset_id, file_name=upload.file_name, metadata=metadata),
        source=UPLOAD_GATEWAY,
        key=f"{UPLOAD_GATEWAY}/{upload.asset_id}",
        subject=str(upload.asset_id),
        sequence=upload.details_sequence,
        clock=clock,
    )


def unnamed(upload: Upload, clock: Clock) -> Message:
    """The tombstone of what `named` said, under the upload's present sequence."""
    return tombstone(
        DETAILS,
        type=UploadDetails.TYPE,
        source=UPLOAD_GATEWAY,
        key=f"{UPLOAD_GATEWAY}/{upload.asset_id}",
        sequence=upload.details_sequence,
        clock=clock,
    )


def completed(upload: Upload) -> UploadCompleted:
    return UploadCompleted(
        **_who(upload),
        key=upload.key,
        size=upload.size,
        sha256=upload.sha256,
        etag=upload.etag,
        content_type=upload.content_type,
    )


def ended(
    upload: Upload, segments: list[Segment]
) -> UploadRejected | UploadAborted | UploadExpired:
    """The end of an upload that never reached the catalog: all it wrote may be deleted."""
    keys = (upload.key, *(segment.key for segment in segments[:MAX_PIECES]))
    if upload.state == "rejected":
        return UploadRejected(**_who(upload), keys=keys, reason=upload.reason)
    kind = UploadAborted if upload.state == "aborted" else UploadExpired
    return kind(**_who(upload), keys=keys)


def withdrawn(upload: Upload) -> UploadWithdrawn:
    return UploadWithdrawn(**_who(upload))


def _who(upload: Upload) -> dict[str, object]:
    return {
        "asset_id": upload.asset_id,
        "upload_id": upload.id,
        "user_id": upload.user_id,
        "kind": upload.kind,
    }
