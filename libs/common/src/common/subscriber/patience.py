"""How long a record is tried in place before the consumer polls again."""

import asyncio
import random
from contextlib import suppress

from common.clock import Clock
from common.subscriber.gate import Gate
from common.subscriber.metrics import SubscriberMetrics
from common.telemetry.liveness import beat

RETRY_FIRST, RETRY_CAP = 0.1, 10.0  # seconds
# Seconds for one poll's records, tries in place included. The rest is read again: a consumer that
# does not poll for five minutes leaves its group (`max_poll_interval_ms`), and its partitions go
# round among processes that all wait for the same database.
TURN = 60.0


class Interrupted(Exception):
    """Leave the rest of the batch: the process ends, the group is paused, or the turn is over."""


class Patience:
    """Backoff between tries, which outlives the batch: an outage is not shorter for a new poll."""

    def __init__(self, gate: Gate, metrics: SubscriberMetrics, clock: Clock) -> None:
        self.stopping = asyncio.Event()
        self._gate, self._metrics, self._clock = gate, metrics, clock
        self._tries, self._until = 0, 0.0

    def begin(self) -> None:
        """A batch was handed over. Raises Interrupted when nothing of it may be touched."""
        self._until = self._clock.monotonic() + TURN
        self.check()

    def check(self) -> None:
        """Between records. Raises Interrupted."""
        beat()
        out_of_time = self._clock.monotonic() > self._until
        if self.stopping.is_set() or self._gate.reason is not None or out_of_time:
            raise Interrupted

    def forget(self) -> None:
        """A record was taken: the next trouble begins anew."""
        self._tries = 0

    async def wait(self) -> None:
        """After a try in vain; shorter when the process ends. Raises Interrupted."""
        self._metrics.retries.inc()
        self._tries += 1
        delay = min(RETRY_FIRST * 2 ** min(self._tries - 1, 20), RETRY_CAP)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), delay * random.uniform(0.5, 1))  # noqa: S311 (jitter)
        self.check()
