"""What the configured store was found to do, kept where every process of the gateway sees it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from sqlalchemy import text

from common.clock import Clock, SystemClock
from common.postgres.engine import Database, WriteSession
from common.settings.groups import S3Settings

REMEMBERED = 30.0  # seconds; a new probe is in force after that

_OFFERED = text("""
SELECT name FROM store_capability
WHERE endpoint = :endpoint AND public_endpoint = :public_endpoint AND bucket = :bucket AND works
""")
_FORGET = text("""
DELETE FROM store_capability
WHERE endpoint = :endpoint AND public_endpoint = :public_endpoint AND bucket = :bucket
""")
_KEEP = text("""
INSERT INTO store_capability
    (endpoint, public_endpoint, bucket, name, works, detail, probed_at)
VALUES (:endpoint, :public_endpoint, :bucket, :name, :works, :detail, clock_timestamp())
ON CONFLICT (endpoint, public_endpoint, bucket, name)
DO UPDATE SET works = excluded.works, detail = excluded.detail, probed_at = excluded.probed_at
""")


@dataclass(frozen=True, slots=True)
class Place:
    """The store that was asked: what stands before it, for us or for browsers, is part of it."""

    endpoint: str
    public_endpoint: str
    bucket: str


def place_of(settings: S3Settings) -> Place:
    """The store of these settings."""
    return Place(settings.endpoint, settings.public_endpoint, settings.bucket)


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
    place: Place
    clock: Clock = field(default_factory=SystemClock)
    _known: frozenset[str] = frozenset()
    _read_at: float = float("-inf")

    async def offered(self) -> frozenset[str]:
        if self.clock.monotonic() - self._read_at > REMEMBERED:
            async with self.database.read() as session:
                rows = await session.execute(_OFFERED, asdict(self.place))
                self._known = frozenset(rows.scalars())
            self._read_at = self.clock.monotonic()
        return self._known


async def keep_capabilities(session: WriteSession, place: Place, lines: Sequence[Probed]) -> None:
    """Replace what was known of this store; of other endpoints and buckets nothing changes."""
    await session.execute(_FORGET, asdict(place))
    for line in lines:
        values = {"name": line.name, "works": line.works, "detail": line.detail[:500]}
        await session.execute(_KEEP, asdict(place) | values)
