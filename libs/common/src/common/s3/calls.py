"""Every call to the store goes through here: a bound on its silence, and a breaker for all.

The HTTP client bounds how long it waits for an answer, and nothing before it: neither the wait for
a free connection nor the time a body takes to leave. A store that accepts and is silent would hold
a request, and with it a part buffer, for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

from prometheus_client import Counter

from common.errors import Corrupt, Rejected, RepriseError, Unavailable
from common.resilience import Breaker
from common.s3.failures import mapped
from common.telemetry.metrics import Metrics

# Seconds without a sign of the store: a body piece taken, an answer, a piece of one. Retries of
# quick refusals are inside.
SILENCE = 8.0
# Seconds for Complete, which some stores answer only after they have copied every part.
COMPLETION = 60.0
# what is no answer to what was asked; "not found" or "exists already" are answers
_FAILURES = (Unavailable, Corrupt, Rejected)
# refusals that say that nobody should ask just now; all others are answers
_OUTAGES = frozenset({"storage_unavailable", "storage_busy"})

Heard = Callable[[], None]


class StoreCalls:
    """The store as one dependency of this process: what one call learns, all others know.

    After `failures` calls in a row without an answer (by default eight) the store is left alone for
    the breaker's pause, then one call finds out. Refused calls raise Unavailable
    (`storage_unavailable`) at once: slow failures of many requests would take the pool of
    connections and the part buffers from everybody. With `metrics` every failure is counted by its
    code, also one that the caller can do without.
    """

    def __init__(
        self,
        *,
        breaker: Breaker | None = None,
        silence: float = SILENCE,
        metrics: Metrics | None = None,
    ) -> None:
        self._breaker, self._silence = breaker or Breaker(), silence
        self._failures: Counter | None = None
        if metrics is not None:
            meaning = "Calls that the store refused or did not answer, by code."
            self._failures = metrics.shared_counter("storage_failures", meaning, ["code"])

    @asynccontextmanager
    async def asking(
        self, *, silence: float | None = None, on_precondition: str = "object_exists"
    ) -> AsyncIterator[Heard]:
        """Run one call inside; it may note a sign of life of the store by what is yielded."""
        self._enter()
        with self._learning():
            async with self.hearing(silence=silence, on_precondition=on_precondition) as heard:
                yield heard

    @asynccontextmanager
    async def hearing(
        self, *, silence: float | None = None, on_precondition: str = "object_exists"
    ) -> AsyncIterator[Heard]:
        """The bound alone, for the pieces of a body whose call was made already."""
        seconds = silence or self._silence
        with self._counting(), mapped(on_precondition=on_precondition):
            async with asyncio.timeout(seconds) as limit:
                now = asyncio.get_running_loop().time
                yield lambda: limit.reschedule(now() + seconds)

    def _enter(self) -> None:
        try:
            self._breaker.enter()
        except Unavailable as error:
            raise Unavailable(
                "The store did not answer lately.",
                code="storage_unavailable",
                retry_after=error.retry_after,
            ) from error

    @contextmanager
    def _counting(self) -> Generator[None, None, None]:
        try:
            yield
        except _FAILURES as error:
            if self._failures is not None:
                self._failures.labels(error.code).inc()
            raise

    @contextmanager
    def _learning(self) -> Generator[None, None, None]:
        try:
            yield
        except RepriseError as error:
            if error.code in _OUTAGES:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise
        except BaseException:
            self._breaker.left()
            raise
        self._breaker.succeeded()
