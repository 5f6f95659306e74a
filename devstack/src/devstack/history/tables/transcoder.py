"""The transcoder's inbox, its processing rows and its jobs."""

import json

from common.events.topics import RENDITIONS, TRANSCODER
from devstack.history.model import Part, Standing
from devstack.history.tables.session import Session, outbox_rows, parked

AT_WORK = frozenset({"probing", "running"})


async def contribution(session: Session) -> Part:
    """A job that was not cancelled is an effect: one per run and step, whatever its id."""
    processing = await session.fetch("SELECT asset_id, state, sequence FROM processing")
    jobs = await session.fetch("SELECT payload FROM job WHERE state <> 'cancelled'")
    inbox = await session.fetch("SELECT event_id FROM inbox")
    return Part(
        rows=await outbox_rows(session, TRANSCODER),
        standings=tuple(
            Standing(TRANSCODER, str(row["asset_id"]), row["state"], row["state"] in AT_WORK)
            for row in processing
        ),
        effects=tuple((TRANSCODER, f"job {_step(row['payload'])}") for row in jobs),
        absorbed=frozenset((TRANSCODER, str(row["event_id"])) for row in inbox),
        told={(RENDITIONS.name, str(row["asset_id"])): row["sequence"] for row in processing},
        set_aside=await parked(session),
        consumers=frozenset({TRANSCODER}),
    )


def _step(payload: str) -> str:
    job = json.loads(payload)
    return f"{job['run']} {job['rendition'] or 'probe'}"
