import asyncio

import pytest

from common.errors import Conflict, Unavailable
from common.resilience import Breaker, Policy, Resilience, RetryBudget
from common.testing.clock import ManualClock

QUICK = Policy(attempts=3, attempt_timeout=0.05, first_wait=0.001, longest_wait=0.002)


class Part:
    """Fails so many times, then answers."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or Unavailable(code="part_unavailable")
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "answer"


async def test_what_does_not_answer_is_asked_again() -> None:
    part = Part(failures=2)
    assert await Resilience(QUICK).call(part) == "answer"
    assert part.calls == 3


async def test_the_last_error_is_told() -> None:
    part = Part(failures=9)
    with pytest.raises(Unavailable) as last:
        await Resilience(QUICK).call(part)
    assert (last.value.code, part.calls) == ("part_unavailable", 3)


async def test_what_will_never_work_is_not_tried_again() -> None:
    part = Part(failures=9, error=Conflict())
    with pytest.raises(Conflict):
        await Resilience(QUICK).call(part)
    assert part.calls == 1


async def test_an_attempt_that_hangs_is_cut() -> None:
    cut = 0

    async def hang() -> None:
        nonlocal cut
        try:
            await asyncio.Event().wait()
        finally:
            cut += 1

    with pytest.raises(Unavailable) as late:
        await Resilience(QUICK).call(hang)
    assert (late.value.code, cut) == ("timeout", 3)


async def test_all_tries_together_end_in_time() -> None:
    patient = Policy(attempts=9, attempt_timeout=0.2, total_timeout=0.3, first_wait=0.001)
    async with asyncio.timeout(1):
        with pytest.raises(Unavailable) as late:
            await Resilience(patient).call(asyncio.Event().wait)
    assert late.value.code == "timeout"


async def test_retries_of_all_callers_share_a_budget() -> None:
    dependency = Resilience(QUICK, budget=RetryBudget(ratio=0.0, burst=3))
    parts = [Part(failures=9) for _ in range(10)]
    for part in parts:
        with pytest.raises(Unavailable):
            await dependency.call(part)
        dependency._breaker.succeeded()
    assert sum(part.calls for part in parts) == 10 + 3


def test_a_budget_refills_with_calls() -> None:
    budget = RetryBudget(ratio=0.5, burst=1)
    assert budget.spend()
    assert not budget.spend()
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()


async def test_a_breaker_stops_asking_and_finds_out_with_one_call() -> None:
    clock = ManualClock()
    breaker = Breaker(failures=2, pause=5, clock=clock)
    dependency = Resilience(Policy(attempts=1), breaker=breaker)
    part = Part(failures=3)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await dependency.call(part)
    assert breaker.open
    with pytest.raises(Unavailable) as refused:
        await dependency.call(part)
    assert (refused.value.code, refused.value.retry_after, part.calls) == ("circuit_open", 5, 2)
    clock.advance(5)
    with pytest.raises(Unavailable):
        await dependency.call(part)
    assert breaker.open
    clock.advance(5)
    breaker.enter()
    with pytest.raises(Unavailable):
        breaker.enter()  # one at a time finds out
    breaker.succeeded()
    assert await dependency.call(part) == "answer"


async def test_an_answer_of_any_kind_keeps_the_breaker_closed() -> None:
    breaker = Breaker(failures=1)
    with pytest.raises(Conflict):
        await Resilience(QUICK, breaker=breaker).call(Part(failures=1, error=Conflict()))
    assert not breaker.open


async def test_a_caller_that_leaves_says_nothing_about_the_part() -> None:
    clock = ManualClock()
    breaker = Breaker(failures=2, pause=5, clock=clock)
    dependency = Resilience(Policy(attempts=1), breaker=breaker)
    part = Part(failures=9)

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await dependency.call(asyncio.Event().wait)

    with pytest.raises(Unavailable):
        await dependency.call(part)
    await leave()
    with pytest.raises(Unavailable):
        await dependency.call(part)
    assert breaker.open  # two failures in a row: whoever left in between was no answer
    clock.advance(5)
    await leave()
    with pytest.raises(Unavailable) as asked:
        await dependency.call(part)  # the next one finds out
    assert (asked.value.code, part.calls) == ("part_unavailable", 3)
