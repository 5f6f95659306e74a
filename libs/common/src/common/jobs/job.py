"""A leased piece of work, as its worker sees it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from common.errors import Conflict


class LeaseLost(Conflict):
    """The job was cancelled or is another worker's now: what was made must not be recorded."""

    default_code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Job:
    """One claim of one row.

    `lease_token` is the fence: only its holder may heartbeat, complete or fail the job.

    `attempt` counts claims from 1; `failures` are those of `max_attempts` that are used up.
    """

    id: UUID
    kind: str
    subject: UUID
    payload: dict[str, Any]
    attempt: int
    failures: int
    max_attempts: int
    lease_token: UUID
    traceparent: str | None

    @property
    def exhausted(self) -> bool:
        """All tries were used up before this claim, the last one by a worker that died."""
        return self.failures >= self.max_attempts
