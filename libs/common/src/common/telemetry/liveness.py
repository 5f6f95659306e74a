"""How a loop says that it makes progress, without knowing who asks.

`run_service` gives each loop a pulse; the loop calls `beat()` once per turn. A loop that never
beats is only watched for crashing; one that did and then stops is what /livez must notice.
"""

from contextvars import ContextVar

from common.clock import Clock, SystemClock

# seconds between beats at most, however long a loop waits or its work takes
OFTEN = 30.0


class Pulse:
    """When a loop last showed progress; seconds on the monotonic clock."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._last: float | None = None

    def beat(self) -> None:
        """Note progress now."""
        self._last = self._clock.monotonic()

    def age(self) -> float | None:
        """Seconds since the last beat, None before the first."""
        return None if self._last is None else self._clock.monotonic() - self._last

    def forget(self) -> None:
        """Begin again, as after a restart of the loop."""
        self._last = None


_pulse: ContextVar[Pulse | None] = ContextVar("pulse", default=None)


def watch(pulse: Pulse) -> None:
    """Make `pulse` the one that `beat` means in this task and the tasks it starts."""
    _pulse.set(pulse)


def beat() -> None:
    """Say that the loop we run in made a turn; does nothing outside of a watched loop."""
    pulse = _pulse.get()
    if pulse is not None:
        pulse.beat()
