"""What the configured store was found to do, kept where every process of the gateway sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text

from common.clock import Clock, SystemClock
from common.postgres.engine import Database, WriteSession

REMEMBERED = 30.0  # seconds; a new probe is in force after that

_OFFERED = text(
    "SELECT name FROM store_capability WHERE endpoint = :endpoint AND bucket = :bucket AND works"
)
_FORGET = text("DELETE FROM store_capability WHERE endpoint = :endpoint AND bucket = :bucket")
_KEEP = text("""
INSERT INTO store_capability (endpoint, bucket, name, works, detail, probed_at)
VALUES (:endpoint, :bucket, :name, :works, :detail, clock_timestamp())
""")


@dataclass(frozen=True, slots=True)
class Probed:
    """One line of a probe: its stable name, whether the store does it, and what it did instead."""

    name: str
    works: bool
    detail: str


@dataclass(slots=True)
class PostgresCapabilities:
    """Asked at each sign-upload, so the answer is remembered for a moment."""

    database: Database
    endpoint: str
    bucket: str
    clock: Clock = field(default_factory=SystemClock)
    _known: frozenset[str] = frozenset()
    _read_at: float = float("-inf")

    async def offered(self) -> frozenset[str]:
        if self.clock.monotonic() - self._read_at > REMEMBERED:
            async with self.database.read() as session:
                rows = await session.execute(
                    _OFFERED, {"endpoint": self.endpoint, "bucket": self.bucket}
                )
                self._known = frozenset(rows.scalars())
            self._read_at = self.clock.monotonic()
        return self._known


async def keep_capabilities(
    session: WriteSession, endpoint: str, bucket: str, lines: Sequence[Probed]
) -> None:
    """Replace what was known of this store; of other endpoints and buckets nothing changes."""
    place = {"endpoint": endpoint, "bucket": bucket}
    await session.execute(_FORGET, place)
    for line in lines:
        values = {"name": line.name, "works": line.works, "detail": line.detail[:500]}
        await session.execute(_KEEP, place | values)
