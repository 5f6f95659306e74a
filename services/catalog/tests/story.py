"""Tells the life of one asset as the other services would, with the sequences their relays give."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from common.clock import Clock
from common.events import (
    AssetPurged,
    Event,
    MediaDetails,
    MediaFacts,
    MediaFlagged,
    MediaProbed,
    ObjectPurged,
    PlannedRendition,
    ProcessingFailed,
    ProcessingFinished,
    Received,
    RenditionFailed,
    RenditionReady,
    UploadAborted,
    UploadCompleted,
    UploadDetails,
    UploadExpired,
    UploadRejected,
    UploadStarted,
    UploadWithdrawn,
    decode,
    new_message,
    tombstone,
)
from common.events.topics import DETAILS, TRANSCODER, UPLOAD_GATEWAY
from common.events.v1.uploads import MediaKind
from common.ids import (
    UserId,
    new_asset_id,
    new_event_id,
    new_upload_id,
    original_key,
    rendition_key,
    run_id,
)
from common.testing.clock import ManualClock

OWNER = UserId(UUID("0c5b6a52-0b0f-8f0a-9d1c-3f1c5b0e7a11"))
STRANGER = UserId(UUID("9a0b6a52-0b0f-8f0a-9d1c-3f1c5b0e7a12"))
FLAC = MediaFacts(container="flac", codec="flac", duration=240.0, bit_rate=900_000)
MP3 = MediaFacts(container="mp3", codec="mp3", duration=240.0, bit_rate=192_000)
PLAN = (("mp3-192", True), ("aac-128", False))


def some_sha256() -> str:
    """A digest that no other test has."""
    return (new_event_id().hex * 2)[::-1]


class Story:
    """Each method is one fact, told once more by keeping what it returned."""

    def __init__(
        self,
        *,
        owner: UserId = OWNER,
        sha256: str | None = None,
        kind: MediaKind = "audio",
        clock: Clock | None = None,
    ) -> None:
        self.asset_id, self.upload_id = new_asset_id(), new_upload_id()
        self.owner, self.kind, self.sha256 = owner, kind, sha256 or some_sha256()
        self.key = original_key(self.asset_id, "flac")
        self._clock = clock or ManualClock()
        self._told: Counter[str] = Counter()

    def run(self, number: int = 1) -> UUID:
        return run_id(self.asset_id, number)

    def tell(self, event: Event, *, key: str | None = None, source: str = "tests") -> Received:
        place = key or str(self.asset_id)
        stream = f"{event.TOPIC.name}/{place}" if key else event.TOPIC.name
        self._told[stream] += 1
        message = new_message(
            event, source=source, key=place, sequence=self._told[stream], clock=self._clock
        )
        return decode(place.encode(), message.headers(), message.payload)

    def started(self) -> Received:
        return self.tell(UploadStarted(**self._upload(), key=self.key, declared_size=1000))

    def completed(self) -> Received:
        return self.tell(
            UploadCompleted(
                **self._upload(),
                key=self.key,
                size=1000,
                sha256=self.sha256,
                etag="e-1",
                content_type="audio/flac",
            )
        )

    def rejected(self, reason: str = "not_media") -> Received:
        return self.tell(UploadRejected(**self._upload(), keys=(self.key,), reason=reason))

    def aborted(self) -> Received:
        return self.tell(UploadAborted(**self._upload(), keys=(self.key,)))

    def expired(self) -> Received:
        return self.tell(UploadExpired(**self._upload(), keys=(self.key,)))

    def withdrawn(self) -> Received:
        return self.tell(UploadWithdrawn(**self._upload()))

    def probed(self, plan: Sequence[tuple[str, bool]] = PLAN, *, run: int = 1) -> Received:
        planned = tuple(
            PlannedRendition(rendition=name, profile=name, required=required)
            for name, required in plan
        )
        return self.tell(
            MediaProbed(asset_id=self.asset_id, run=self.run(run), media=FLAC, plan=planned)
        )

    def ready(self, name: str, *, run: int = 1) -> Received:
        return self.tell(
            RenditionReady(
                asset_id=self.asset_id,
                run=self.run(run),
                rendition=name,
                profile=name,
                key=rendition_key(self.asset_id, name, "mp3"),
                size=500,
                sha256=some_sha256(),
                etag="e-2",
                content_type="audio/mpeg",
                media=MP3,
            )
        )

    def failed(self, name: str, reason: str = "encoder_failed", *, run: int = 1) -> Received:
        return self.tell(
            RenditionFailed(
                asset_id=self.asset_id, run=self.run(run), rendition=name, reason=reason
            )
        )

    def finished(self, *, run: int = 1) -> Received:
        return self.tell(
            ProcessingFinished(asset_id=self.asset_id, run=self.run(run), ready=("mp3-192",))
        )

    def broken(self, reason: str = "unreadable", *, run: int = 1) -> Received:
        return self.tell(ProcessingFailed(asset_id=self.asset_id, run=self.run(run), reason=reason))

    def flagged(self) -> Received:
        return self.tell(
            MediaFlagged(asset_id=self.asset_id, run=self.run(), signature="test-signature")
        )

    def object_purged(self) -> Received:
        return self.tell(ObjectPurged(asset_id=self.asset_id, key=self.key, reason="deleted"))

    def purged(self) -> Received:
        return self.tell(AssetPurged(asset_id=self.asset_id, reason="deleted", objects=1))

    def named(self, file_name: str) -> Received:
        details = UploadDetails(asset_id=self.asset_id, file_name=file_name)
        return self.tell(details, key=f"{UPLOAD_GATEWAY}/{self.asset_id}")

    def tagged(self, **tags: str) -> Received:
        return self.tell(
            MediaDetails(asset_id=self.asset_id, tags=tags), key=f"{TRANSCODER}/{self.asset_id}"
        )

    def unnamed(self) -> Received:
        key = f"{UPLOAD_GATEWAY}/{self.asset_id}"
        self._told[f"{DETAILS.name}/{key}"] += 1
        sequence = self._told[f"{DETAILS.name}/{key}"]
        gone = tombstone(
            DETAILS,
            type=UploadDetails.TYPE,
            source=UPLOAD_GATEWAY,
            key=key,
            sequence=sequence,
            clock=self._clock,
        )
        return decode(key.encode(), gone.headers(), None)

    def to_ready(self) -> list[Received]:
        """From the first byte to ready, with an extra rendition."""
        return [
            self.started(),
            self.completed(),
            self.probed(),
            self.ready("mp3-192"),
            self.ready("aac-128"),
            self.finished(),
        ]

    def _upload(self) -> dict[str, object]:
        return {
            "asset_id": self.asset_id,
            "upload_id": self.upload_id,
            "user_id": self.owner,
            "kind": self.kind,
        }
