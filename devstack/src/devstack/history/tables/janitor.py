"""The janitor's ledger and its orders."""

from common.events.topics import JANITOR, PURGES
from devstack.history.model import Part, Standing
from devstack.history.tables.session import Session, outbox_rows, parked


async def contribution(session: Session) -> Part:
    """Every object and every order it heard of; one order per fact that permits it."""
    assets = await session.fetch("SELECT asset_id, sequence FROM asset")
    objects = await session.fetch("SELECT key, asset_id, state FROM stored_object")
    orders = await session.fetch("SELECT cause_event_id, finished_at FROM purge")
    return Part(
        rows=await outbox_rows(session, JANITOR),
        standings=tuple(
            Standing(JANITOR, str(row["asset_id"]), row["state"], row["state"] == "living")
            for row in objects
        ),
        effects=tuple((JANITOR, f"order {row['cause_event_id']}") for row in orders),
        absorbed=frozenset(
            {(JANITOR, row["key"]) for row in objects}
            | {(JANITOR, str(row["cause_event_id"])) for row in orders}
        ),
        told={(PURGES.name, str(row["asset_id"])): row["sequence"] for row in assets},
        set_aside=await parked(session),
        consumers=frozenset({JANITOR}),
    )
