"""Which groups of a service are paused, since when and why, for the operator."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from common.postgres.engine import ReadSession

_ALL = text("SELECT consumer, paused_at, coalesce(reason, '') AS reason, resumed_at FROM fuse")


@dataclass(frozen=True, slots=True)
class PauseRow:
    """The last pause of a group; `paused_at` None: it reads again since `resumed_at`."""

    consumer: str
    paused_at: datetime | None
    reason: str
    resumed_at: datetime | None


async def pauses(session: ReadSession) -> dict[str, PauseRow]:
    """By group; one that never was paused has none."""
    rows = (await session.execute(_ALL)).mappings()
    return {row["consumer"]: PauseRow(**row) for row in rows}
