"""Processes that die at named points, one death after the other, and are started again.

Every death is witnessed: its exit code, and the line the process wrote when it came to the point.
A test that carries `@pytest.mark.failpoint` fails when not all of its points were witnessed.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.faults.fault_stack import QUICK

from common.failpoints import DIED
from devstack.stack import Stack

Plan = Mapping[str, Sequence[str]]
"""Process name -> the points it dies at, in this order; `point:3` dies at the third pass."""

PATIENCE = 60.0  # seconds for a point to be reached
_LOOK = 0.03


witnessed: list[str] = []


class NotReached(AssertionError):
    """The process lives, or died of something else."""


def witness(point: str, code: int | None, told: str) -> None:
    """Take down that a process ended at this point: `told` is what it wrote to stderr until then.

    For processes of a stack Ward does it; a test that starts a command of its own calls it.
    """
    line = f'{{"event": "failpoint.exit", "failpoint": "{point}"}}'
    if code != DIED or line not in told:
        raise NotReached(f"ended with {code}, not at {point}; it said: {told[-500:]}")
    witnessed.append(point)


def switch_on(stack: Stack, name: str, failpoints: str, **settings: str) -> None:
    """What the process gets at its next start; an empty string switches all points off."""
    extra = {"REPRISE_FAILPOINTS": failpoints} if failpoints else {}
    stack.configure(name, {**QUICK.get(name, {}), **settings, **extra})


class Ward:
    """Starts each process of a plan with its next point switched on, until all have died of all."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self.stack, self._plan = stack, plan
        self._over = threading.Event()
        self._tended: list[Future[None]] = []

    @contextmanager
    def open(self) -> Iterator["Ward"]:
        """All are well again afterwards; raises what went wrong in any of them."""
        with ThreadPoolExecutor(max(1, len(self._plan))) as pool:
            self._tended = [pool.submit(self._tend, *row) for row in self._plan.items()]
            try:
                yield self
            finally:
                self._over.set()
        for one in self._tended:
            one.result()

    def waiting(self) -> bool:
        """Whether somebody has still to die; raises as soon as somebody cannot."""
        for one in self._tended:
            if one.done():
                one.result()
        return not all(one.done() for one in self._tended)

    def _tend(self, name: str, points: Sequence[str]) -> None:
        supervised = self.stack.supervised(name)
        try:
            for point in points:
                point_name, _, nth = point.partition(":")
                mark = log_size(self.stack, name)
                switch_on(self.stack, name, f"{point_name}=exit:{nth or 1}")
                supervised.start()
                self._await_death(name, point_name, mark)
        finally:
            switch_on(self.stack, name, "")
            supervised.start()
            supervised.wait_ready()

    def _await_death(self, name: str, point: str, mark: int) -> None:
        supervised, deadline = self.stack.supervised(name), time.monotonic() + PATIENCE
        while (code := supervised.exit_code()) is None:
            if self._over.is_set() or time.monotonic() > deadline:
                raise NotReached(f"{name} did not come to {point}")
            time.sleep(_LOOK)
        witness(point, code, log_since(self.stack, name, mark))


def log_size(stack: Stack, name: str) -> int:
    log = stack.supervised(name).log
    return log.stat().st_size if log.exists() else 0


def log_since(stack: Stack, name: str, mark: int) -> str:
    """What the process wrote after its log had this size."""
    with stack.supervised(name).log.open("rb") as file:
        file.seek(mark)
        return file.read().decode(errors="replace")


def sleeps_at(stack: Stack, name: str, point: str, mark: int) -> bool:
    """Whether the process told, after `mark` in its log, that it sleeps at this point."""
    line = f'{{"event": "failpoint.sleep", "failpoint": "{point}"}}'
    return line in log_since(stack, name, mark)
