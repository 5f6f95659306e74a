"""Valid histories, made the way the system makes them: facts, relays that die, consumers."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from common import events
from common.events.topics import ASSETS, CATALOG_STATE, PURGES, RENDITIONS, UPLOADS
from devstack.history.model import Ack, History, Record, Row, Slot, Standing, UploadRow

SERVICES = {
    UPLOADS.name: "upload-gateway",
    ASSETS.name: "catalog",
    CATALOG_STATE.name: "catalog",
    RENDITIONS.name: "transcoder",
    PURGES.name: "janitor",
}
LIVES = ("open", "rejected", "ready", "failed", "deleted", "restored", "purged", "duplicate")
_GROUPS = {
    UPLOADS.name: "catalog.uploads",
    RENDITIONS.name: "catalog.renditions",
    PURGES.name: "catalog.purges",
}


def uid(*parts: object) -> str:
    return str(uuid5(NAMESPACE_URL, "|".join(map(str, parts))))


@dataclass
class Draft:
    """Rows in the order in which they were committed; `world` turns them into a history."""

    rows: list[Row] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    uploads: list[UploadRow] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    effects: list[Slot] = field(default_factory=list)
    absorbed: set[Slot] = field(default_factory=set)
    sequences: dict[Slot, int] = field(default_factory=lambda: defaultdict(int))

    def tell(self, kind: type[events.Event], asset: str, **said: Any) -> str:
        """Append a row; returns the event's id."""
        topic = kind.TOPIC.name
        key = f"asset/{asset}" if topic == CATALOG_STATE.name else asset
        self.sequences[topic, key] += 1
        sequence = self.sequences[topic, key]
        event_id = uid(topic, key, sequence)
        payload = json.dumps({"asset_id": asset} | said).encode()
        self.rows.append(Row(SERVICES[topic], event_id, topic, key, sequence, kind.TYPE, payload))
        return event_id

    def state(self, asset: str, state: str | None) -> None:
        """A state record; None is the tombstone."""
        self.tell(events.AssetState, asset, state=state)
        if state is None:
            self.rows[-1] = replace(self.rows[-1], payload=None)


def live(draft: Draft, number: int, life: str) -> None:
    """One asset from its upload to where this life ends."""
    asset, upload = uid("asset", number), uid("upload", number)
    key = f"u/{asset}/original-0123456789abcdef.flac"
    draft.acks.append(Ack(1.0, "upload.created", upload))
    draft.tell(events.UploadStarted, asset, upload_id=upload, key=key)
    draft.absorbed.add(("janitor", key))
    if life == "open":
        draft.acks.append(Ack(2.0, "upload.progress", upload, offset=100))
        draft.uploads.append(UploadRow(upload, asset, "receiving", 100))
        draft.standings.append(Standing("catalog", asset, "uploading", alive=False))
        return
    if life == "rejected":
        order = draft.tell(events.UploadRejected, asset, upload_id=upload, reason="type")
        _ordered(draft, order)
        draft.uploads.append(UploadRow(upload, asset, "rejected", 100))
        draft.standings.append(Standing("catalog", asset, "abandoned", alive=False))
        return
    draft.tell(events.UploadCompleted, asset, upload_id=upload, key=key)
    draft.acks.append(Ack(3.0, "upload.stored", upload, asset))
    if life == "duplicate":
        _duplicate(draft, asset, upload)
        return
    draft.uploads.append(UploadRow(upload, asset, "stored", 100))
    _processed(draft, asset, key, failed=life == "failed")
    if life in {"ready", "failed"}:
        _stands(draft, number, asset, life)
    elif life == "restored":
        _deleted(draft, asset)
        draft.tell(events.AssetRestored, asset, generation=3)
        draft.acks.append(Ack(5.0, "asset.restored", asset_id=asset))
        draft.state(asset, "ready")
        _stands(draft, number, asset, "ready")
    elif life == "deleted":
        _deleted(draft, asset)
        draft.standings.append(Standing("catalog", asset, "deleted", alive=False))
    else:
        _deleted(draft, asset)
        _purged(draft, asset)


def _processed(draft: Draft, asset: str, key: str, *, failed: bool) -> None:
    run = uid("run", asset)
    draft.tell(events.AssetRegistered, asset, key=key)
    draft.absorbed.add(("transcoder", draft.tell(events.ProcessingRequested, asset, run=run)))
    draft.state(asset, "processing")
    draft.effects += [("transcoder", f"job {run} probe"), ("transcoder", f"job {run} mp3-192")]
    draft.tell(events.MediaProbed, asset, run=run)
    if failed:
        draft.tell(events.RenditionFailed, asset, run=run, rendition="mp3-192", reason="x")
    else:
        output = f"u/{asset}/mp3-192-0123456789abcdef.mp3"
        draft.tell(events.RenditionReady, asset, run=run, rendition="mp3-192", key=output)
        draft.absorbed.add(("janitor", output))
    draft.tell(events.ProcessingFinished, asset, run=run)
    ended = events.AssetFailed if failed else events.AssetReady
    draft.tell(ended, asset, run=run)
    draft.state(asset, "failed" if failed else "ready")


def _stands(draft: Draft, number: int, asset: str, state: str) -> None:
    draft.standings += [
        Standing("catalog", asset, state, alive=True),
        Standing("janitor", asset, "living", alive=True),
    ]
    draft.effects += [("catalog", f"library owner {number}"), ("catalog", f"living owner {number}")]


def _deleted(draft: Draft, asset: str) -> None:
    draft.tell(events.AssetDeleted, asset, generation=2)
    draft.acks.append(Ack(4.0, "asset.deleted", asset_id=asset))
    draft.state(asset, "deleted")


def _purged(draft: Draft, asset: str, *, state: str | None = None) -> None:
    _ordered(draft, draft.tell(events.AssetPurgeDue, asset, reason="deleted", keys=[]))
    draft.state(asset, "purging")
    draft.tell(events.ObjectPurged, asset, key=f"u/{asset}/original-0123456789abcdef.flac")
    draft.tell(events.AssetPurged, asset, reason="deleted", objects=1)
    draft.state(asset, None)
    draft.standings += [
        Standing("catalog", asset, "purged", alive=False),
        Standing("janitor", asset, "purged", alive=False),
    ]


def _duplicate(draft: Draft, asset: str, upload: str) -> None:
    draft.uploads.append(UploadRow(upload, asset, "duplicate", 100))
    draft.tell(events.UploadDeduplicated, asset, upload_id=upload)
    draft.absorbed.add(("upload-gateway", f"ended {upload}"))
    _purged(draft, asset)


def _ordered(draft: Draft, event_id: str) -> None:
    draft.effects.append(("janitor", f"order {event_id}"))
    draft.absorbed.add(("janitor", event_id))


def world(lives: Sequence[str], crashes: Iterable[int] = (), batch: int = 5) -> History:
    """These lives side by side; the relay dies after those batches, before it marks them."""
    drafts = []
    for number, life in enumerate(lives):
        draft = Draft()
        live(draft, number, life)
        drafts.append(draft)
    rows = [row for draft in drafts for row in draft.rows]
    records, places = _published(rows, set(crashes), batch)
    placed = tuple(
        replace(row, partition=places[row.event_id].partition, offset=places[row.event_id].offset)
        for row in rows
    )
    told = {slot: number for draft in drafts for slot, number in draft.sequences.items()}
    return History(
        acks=tuple(ack for draft in drafts for ack in draft.acks),
        rows=placed,
        records=tuple(records),
        uploads=tuple(upload for draft in drafts for upload in draft.uploads),
        standings=tuple(standing for draft in drafts for standing in draft.standings),
        effects=tuple(effect for draft in drafts for effect in draft.effects),
        absorbed=frozenset().union(*(draft.absorbed for draft in drafts)),
        covered=_covered(told),
        told=told,
        consumers=frozenset(
            {*_GROUPS.values(), "transcoder", "janitor", "upload-gateway", "delivery.catalog-state"}
        ),
    )


def _covered(told: dict[Slot, int]) -> dict[Slot, int]:
    groups = {**_GROUPS, CATALOG_STATE.name: "delivery.catalog-state"}
    return {(groups[topic], key): n for (topic, key), n in told.items() if topic in groups}


def _published(
    rows: Sequence[Row], crashes: set[int], batch: int
) -> tuple[list[Record], dict[str, Record]]:
    records: list[Record] = []
    places: dict[str, Record] = {}
    ends: dict[tuple[str, int], int] = defaultdict(int)
    for number, start in enumerate(range(0, len(rows), batch)):
        for _ in range(2 if number in crashes else 1):
            for row in rows[start : start + batch]:
                state = row.topic == CATALOG_STATE.name
                partition = 0 if state else UUID(row.key).int % 12
                record = _record(row, partition, ends[row.topic, partition])
                ends[row.topic, partition] += 1
                records.append(record)
                places[row.event_id] = record
    return records, places


def _record(row: Row, partition: int, offset: int) -> Record:
    return Record(
        topic=row.topic,
        partition=partition,
        offset=offset,
        key=row.key,
        event_id=row.event_id,
        type=row.type,
        sequence=row.sequence,
        payload=row.payload,
    )
