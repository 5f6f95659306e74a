"""Says per requirement whether the tests of this commit prove it."""

from collections.abc import Iterable
from dataclasses import dataclass

from devstack.results import RunResult


@dataclass(frozen=True, slots=True)
class RequirementState:
    """One row. Proven = a test that names it passed, and none that names it failed."""

    row: str
    proven: bool
    tests: tuple[str, ...]

    def line(self) -> str:
        return f"{self.row} proven {' '.join(self.tests)}" if self.proven else f"{self.row} open"


def requirement_states(rows: Iterable[str], runs: Iterable[RunResult]) -> list[RequirementState]:
    """Every row in its order. Skipped, deselected and expected failures prove nothing."""
    passed: dict[str, list[str]] = {}
    failed: set[str] = set()
    for test in (test for run in runs for test in run.tests):
        for row in test.rows:
            if test.outcome == "passed":
                passed.setdefault(row, []).append(test.nodeid)
            elif test.outcome == "failed":
                failed.add(row)
    return [
        RequirementState(row, row in passed and row not in failed, tuple(passed.get(row, ())))
        for row in rows
    ]
