"""How often people may ask."""

from typing import Protocol

from common.ids import UserId


class Pace(Protocol):
    """How often people may ask for new uploads, counted once for all processes."""

    async def request(self, user_id: UserId) -> None:
        """Count one request; raises RateLimited, or Unavailable when it cannot be counted."""
        ...
