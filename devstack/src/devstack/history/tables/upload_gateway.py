"""The gateway's ledger: what became of each upload."""

from common.events.topics import UPLOAD_GATEWAY, UPLOADS
from devstack.history.model import Part, UploadRow
from devstack.history.tables.session import Session, outbox_rows, parked

OPEN = frozenset({"created", "receiving", "verifying", "stored"})


async def contribution(session: Session) -> Part:
    """Uploads with their offsets; `ended …` once one can no longer become a duplicate."""
    rows = await session.fetch('SELECT id, asset_id, state, "offset", sequence FROM upload')
    return Part(
        rows=await outbox_rows(session, UPLOAD_GATEWAY),
        uploads=tuple(
            UploadRow(str(r["id"]), str(r["asset_id"]), r["state"], r["offset"]) for r in rows
        ),
        absorbed=frozenset(
            (UPLOAD_GATEWAY, f"ended {row['id']}") for row in rows if row["state"] not in OPEN
        ),
        told={(UPLOADS.name, str(row["asset_id"])): row["sequence"] for row in rows},
        set_aside=await parked(session),
        consumers=frozenset({UPLOAD_GATEWAY}),
    )
