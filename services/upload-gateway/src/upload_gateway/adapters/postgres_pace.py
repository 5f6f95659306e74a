"""A token bucket for each person, in one row that all processes share."""

import math
from dataclasses import dataclass, field

from sqlalchemy import text

from common.clock import Clock, SystemClock
from common.ids import UserId
from common.postgres.engine import Database
from upload_gateway.domain.errors import RateLimited

_MINUTE = 60.0
_REMEMBERED = 10_000  # people; beyond that the rows alone decide
# The row is locked while it is counted, so two at once take two tokens. The table is not logged: it
# costs no wait for the disk, and after a crash of the database everybody's bucket is full.
_TAKE = text("""
INSERT INTO upload_pace AS known (user_id, tokens, at)
VALUES (:user_id, CAST(:per_minute AS double precision) - 1, clock_timestamp())
ON CONFLICT (user_id) DO UPDATE SET at = excluded.at, tokens = least(
    excluded.tokens,
    known.tokens - 1
    + (excluded.tokens + 1) * extract(epoch FROM excluded.at - known.at) / 60
)
WHERE known.tokens + (excluded.tokens + 1) * extract(epoch FROM excluded.at - known.at) / 60 >= 1
RETURNING tokens
""")


@dataclass(slots=True)
class PostgresPace:
    """`per_minute` tokens fit into a bucket and flow into it in a minute; 0 means no limit.

    Who was refused is refused from memory until the next token has come, so a flood reaches
    Postgres no oftener than tokens flow.
    """

    database: Database
    per_minute: int
    clock: Clock = field(default_factory=SystemClock)
    _refused: dict[UserId, float] = field(default_factory=dict)

    async def request(self, user_id: UserId) -> None:
        if not self.per_minute:
            return
        if self._refused.get(user_id, -math.inf) > self.clock.monotonic():
            raise self._limited()
        if await self._taken(user_id):
            self._refused.pop(user_id, None)
            return
        if len(self._refused) >= _REMEMBERED:
            self._refused.clear()
        self._refused[user_id] = self.clock.monotonic() + _MINUTE / self.per_minute
        raise self._limited()

    async def _taken(self, user_id: UserId) -> bool:
        values = {"user_id": user_id, "per_minute": self.per_minute}
        return bool(await self.database.alone(_TAKE, values))

    def _limited(self) -> RateLimited:
        return RateLimited(self.per_minute, math.ceil(_MINUTE / self.per_minute))
