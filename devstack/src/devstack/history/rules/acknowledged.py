"""What a client was told is in the ledger, and the facts of it are in the outbox."""

from collections import Counter
from collections.abc import Iterator

from common.events import (
    AssetDeleted,
    AssetPurgeDue,
    AssetRestored,
    UploadCompleted,
    UploadStarted,
)
from devstack.history.facts import said
from devstack.history.model import Ack, History, UploadRow, Violation

OPEN = frozenset({"created", "receiving"})
STORED = frozenset({"stored", "duplicate", "withdrawn"})
_EFFECTS = {
    AssetDeleted.TYPE: "asset.deleted",
    AssetPurgeDue.TYPE: "asset.deleted",
    AssetRestored.TYPE: "asset.restored",
}
_COMMANDS = frozenset(_EFFECTS.values())
SETTLED = frozenset({"ready", "failed", "deleted", "purging", "purged"})


def acknowledged(history: History) -> Iterator[Violation]:
    """Nothing acknowledged is lost; after rest every stored upload has become something."""
    uploads = {row.upload_id: row for row in history.uploads}
    uploaded = {
        (row.type, said(row.payload).get("upload_id"))
        for row in history.rows
        if row.type in {UploadStarted.TYPE, UploadCompleted.TYPE}
    }
    for ack in history.acks:
        if ack.upload_id is None:
            continue
        row = uploads.get(ack.upload_id)
        if row is None:
            yield Violation("lost", f"upload {ack.upload_id}: {ack.what}, not in the ledger")
            continue
        yield from _upload(ack, row)
        wanted = UploadCompleted if ack.what == "upload.stored" else UploadStarted
        if (wanted.TYPE, ack.upload_id) not in uploaded:
            yield Violation("lost", f"upload {ack.upload_id}: no {wanted.TYPE} in the outbox")
    yield from _outcomes(history, uploads)
    yield from _commands(history)


def _upload(ack: Ack, row: UploadRow) -> Iterator[Violation]:
    if ack.what == "upload.stored" and row.state not in STORED:
        yield Violation("lost", f"upload {ack.upload_id}: told stored, ledger says {row.state}")
    if row.asset_id != (ack.asset_id or row.asset_id):
        yield Violation("lost", f"upload {ack.upload_id}: told of another asset")
    if row.state in OPEN and row.offset < (ack.offset or 0):
        yield Violation(
            "lost", f"upload {ack.upload_id}: told {ack.offset} bytes, ledger has {row.offset}"
        )


def _outcomes(history: History, uploads: dict[str, UploadRow]) -> Iterator[Violation]:
    if not history.quiet:
        return
    states = {s.asset_id: s.state for s in history.standings if s.service == "catalog"}
    told = {ack.upload_id for ack in history.acks if ack.what == "upload.stored"}
    for upload_id in sorted(told & uploads.keys(), key=str):
        asset_id = uploads[str(upload_id)].asset_id
        state = states.get(asset_id, "unknown")
        if state not in SETTLED:
            yield Violation("lost", f"asset {asset_id}: stored, and the catalog has it {state}")


def _commands(history: History) -> Iterator[Violation]:
    """Each command that changed something has a fact of its own: a second delete a second one."""
    facts = Counter((_EFFECTS.get(row.type), row.key) for row in history.rows)
    told: Counter[tuple[str, str | None]] = Counter()
    last: dict[str | None, str] = {}
    for ack in sorted(history.acks, key=lambda ack: ack.at):
        # the same once more, with nothing in between, changed nothing
        if ack.what in _COMMANDS and last.get(ack.asset_id) != ack.what:
            last[ack.asset_id] = ack.what
            told[ack.what, ack.asset_id] += 1
    for (what, asset_id), count in told.items():
        if facts[what, asset_id or ""] < count:
            said_of = "no fact says so" if not facts[what, asset_id or ""] else "too few facts"
            yield Violation("lost", f"asset {asset_id}: {what}, and {said_of}")
