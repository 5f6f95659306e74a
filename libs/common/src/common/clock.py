"""The only place that reads time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the system knows of time."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences mean something."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  (this is the one door)

    def monotonic(self) -> float:
        return time.monotonic()
