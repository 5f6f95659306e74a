"""A clock that moves only when a test tells it to."""

from datetime import UTC, datetime, timedelta

from typing_extensions import override

from common.clock import Clock

START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock(Clock):
    """Both readings move together; nothing else moves them."""

    def __init__(self, start: datetime = START) -> None:
        self._start, self._elapsed = start, 0.0

    def advance(self, seconds: float) -> None:
        """Let time pass; it never goes back."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._elapsed += seconds

    @override
    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    @override
    def monotonic(self) -> float:
        return self._elapsed
