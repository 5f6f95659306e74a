"""Stops a group that fails as a rule, instead of emptying its topic into rows and dead letters."""

import asyncio
from collections import deque

from common.errors import Unavailable
from common.subscriber.metrics import SubscriberMetrics
from common.subscriber.port import Fuse
from common.telemetry.logs import get_logger

IN_A_ROW = 10  # failures without a success between them
WINDOW, IN_WINDOW = 100, 50  # failures among the last records that succeeded or failed
FAILURES = "failures"
NO_ROOM = "parked_key_full"  # for one more record of a key that waits

_log = get_logger("common.subscriber")


class Gate:
    """Whether one group reads: shut by failures or by its row, opened by its row alone.

    Counted are parks and dead letters that speak against the consumer
    (`common.kafka.redelivery.is_failure`), not tries in place. Without a fuse it never shuts.
    `reason` says why it is shut, None is open.
    """

    def __init__(self, group: str, fuse: Fuse | None, metrics: SubscriberMetrics) -> None:
        self.group = group
        self.reason: str | None = None
        self._fuse, self._metrics = fuse, metrics
        self._in_a_row, self._last = 0, deque[bool](maxlen=WINDOW)
        self._untold: str | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def drains(self) -> bool:
        """Whether rows may be tried: also where only their number keeps the group from reading."""
        return self.reason is None or self.reason == NO_ROOM

    def succeeded(self) -> None:
        """A record had its effect."""
        self._in_a_row = 0
        self._last.append(False)

    async def failed(self) -> None:
        """A record was parked or given up; it is durable where it went."""
        self._in_a_row += 1
        self._last.append(True)
        if self._in_a_row >= IN_A_ROW or sum(self._last) >= IN_WINDOW:
            await self.shut(FAILURES)

    async def shut(self, reason: str) -> None:
        """Stop the group: here at once, elsewhere when they look at the row."""
        if self._fuse is None:
            return
        async with self._one_at_a_time:
            self._become(reason)
            self._untold = reason
            try:
                await self._tell(self._fuse)
            except Unavailable:
                return  # told by the next look; this process has stopped already

    async def look(self) -> None:
        """Follow the row. Raises Unavailable; all stays as it was then."""
        if self._fuse is None:
            return
        async with self._one_at_a_time:
            await self._tell(self._fuse)
            self._become(await self._fuse.paused(self.group))

    async def check(self) -> None:
        """For readiness: raises while the group is paused."""
        if self.reason is not None:
            raise Unavailable(f"{self.group} is paused", code="consumer_paused")

    async def _tell(self, fuse: Fuse) -> None:
        if self._untold is not None:
            await fuse.pause(self.group, self._untold)
            self._untold = None

    def _become(self, reason: str | None) -> None:
        if reason is not None and self.reason is None:
            _log.error("consumer.paused", group=self.group, reason=reason)
        if reason is None and self.reason is not None:
            _log.warning("consumer.resumed", group=self.group)
            self._in_a_row = 0
            self._last.clear()
        self.reason = reason
        self._metrics.paused.set(reason is not None)
