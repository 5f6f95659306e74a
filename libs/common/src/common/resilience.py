"""One policy for calls that cross the network: a timeout each, few retries, none in vain.

Only Unavailable is tried again: everything else will fail the same way tomorrow. Retries of all
callers of a dependency share a budget, so that a slow dependency is not buried under them; a
breaker stops asking one that does not answer at all. The operation itself must be safe to repeat
(design rule 9).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from common.clock import Clock, SystemClock
from common.errors import Unavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to try. All times in seconds; waits grow by two and carry jitter.

    `attempt_timeout` bounds one try, `total_timeout` all of them and the waits between: the last
    try gets what is left.
    """

    attempts: int = 4
    attempt_timeout: float = 5.0
    total_timeout: float = 20.0
    first_wait: float = 0.1
    longest_wait: float = 2.0


class RetryBudget:
    """Allows `burst` retries at once and `ratio` retries per call on the long run."""

    def __init__(self, *, ratio: float = 0.1, burst: float = 10.0) -> None:
        self._ratio, self._burst, self._left = ratio, burst, burst

    def earn(self) -> None:
        """Note a first attempt."""
        self._left = min(self._burst, self._left + self._ratio)

    def spend(self) -> bool:
        """Take one retry, if any is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Breaker:
    """Opens after `failures` in a row, for `pause` seconds; then lets one call find out."""

    def __init__(
        self, *, failures: int = 8, pause: float = 5.0, clock: Clock | None = None
    ) -> None:
        self._threshold, self._pause = failures, pause
        self._clock = clock or SystemClock()
        self._failures = 0
        self._closed_at = 0.0
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether calls are refused for now."""
        return self._failures >= self._threshold and (
            self._probing or self._clock.monotonic() < self._closed_at
        )

    def enter(self) -> None:
        """Ask to make a call; raises Unavailable (`circuit_open`) while the breaker is open."""
        if self._failures < self._threshold:
            return
        if self.open:
            wait = max(1, round(self._closed_at - self._clock.monotonic()))
            raise Unavailable("It did not answer lately.", code="circuit_open", retry_after=wait)
        self._probing = True

    def succeeded(self) -> None:
        """Close."""
        self._failures, self._probing = 0, False

    def failed(self) -> None:
        """Count a failure; open, or stay open, when there were enough."""
        self._failures += 1
        self._probing = False
        self._closed_at = self._clock.monotonic() + self._pause

    def left(self) -> None:
        """The caller gave up first: nothing was learned, the next call may find out."""
        self._probing = False


class Resilience:
    """The policy applied to one dependency; make one for each and share it."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        budget: RetryBudget | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._policy = policy or Policy()
        self._budget = budget or RetryBudget()
        self._breaker = breaker or Breaker()

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Run the operation; raises what it raised last, or `timeout`, or `circuit_open`."""
        policy = self._policy
        until = asyncio.get_running_loop().time() + policy.total_timeout
        self._budget.earn()
        async for attempt in stamina.retry_context(
            on=self._judge(),
            attempts=policy.attempts,
            timeout=policy.total_timeout,
            wait_initial=policy.first_wait,
            wait_max=policy.longest_wait,
            wait_jitter=policy.first_wait,
        ):
            with attempt:
                return await self._once(operation, until)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, operation: Callable[[], Awaitable[T]], until: float) -> T:
        self._breaker.enter()
        own = asyncio.get_running_loop().time() + self._policy.attempt_timeout
        try:
            async with asyncio.timeout_at(min(own, until)):
                result = await operation()
        except TimeoutError as error:
            self._breaker.failed()
            raise Unavailable("It did not answer in time.", code="timeout") from error
        except Unavailable:
            self._breaker.failed()
            raise
        except asyncio.CancelledError:
            self._breaker.left()
            raise
        except BaseException:
            self._breaker.succeeded()  # it did answer, if not as one hoped
            raise
        self._breaker.succeeded()
        return result

    def _judge(self) -> Callable[[Exception], bool]:
        failures = 0

        def worth_another(error: Exception) -> bool:
            nonlocal failures
            failures += 1  # the last failure is asked about too; it must not cost the budget
            if failures >= self._policy.attempts or not isinstance(error, Unavailable):
                return False
            return error.code != "circuit_open" and self._budget.spend()

        return worth_another
