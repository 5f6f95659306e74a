"""How long a key waits between two tries."""

import random
from datetime import timedelta

from common.errors import NotYet, Unavailable

FIRST = 0.5  # seconds
# What waits for something else goes on soon after it came; what fails by itself needs a person, and
# should not fill the log until then.
SOON, LATE = 30.0, 300.0  # seconds


def delay_after(error: Exception, attempts: int) -> timedelta:
    """Twice as long after each try, up to a cap, and not at the same moment for all keys."""
    cap = SOON if isinstance(error, NotYet | Unavailable) else LATE
    delay = min(FIRST * 2 ** min(max(attempts, 1) - 1, 20), cap)
    return timedelta(seconds=delay * random.uniform(0.5, 1))  # noqa: S311 (jitter)
