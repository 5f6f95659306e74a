"""What a test run proved, as a file: commit, completeness, and each test with its rows."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from devstack.repository import ROOT

Outcome = Literal["passed", "failed", "skipped"]
RESULTS = ROOT / ".dev" / "results"


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: `skipped` stands for everything that proves nothing, an expected failure too."""

    __test__ = False  # not a test class, whatever its name

    nodeid: str
    outcome: Outcome
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run of a suite. `complete` = nothing was filtered out and it ran to its end."""

    suite: str
    commit: str
    dirty: bool
    complete: bool
    tests: tuple[TestResult, ...]


def save_result(result: RunResult, folder: Path = RESULTS) -> Path:
    """A filtered run never overwrites the last complete one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.suite}{'' if result.complete else '.partial'}.json"
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(result), indent=1) + "\n")
    draft.replace(path)
    return path


def load_results(commit: str, suites: Iterable[str], folder: Path = RESULTS) -> list[RunResult]:
    """The complete runs of this commit, at most one per suite."""
    paths = [folder / f"{suite}.json" for suite in suites]
    found = [_load(path) for path in paths if path.exists()]
    return [one for one in found if one.complete and one.commit == commit]


def _load(path: Path) -> RunResult:
    values = json.loads(path.read_text())
    tests = tuple(
        TestResult(one["nodeid"], one["outcome"], tuple(one["rows"])) for one in values.pop("tests")
    )
    return RunResult(**values, tests=tests)


def current_commit(root: Path = ROOT) -> tuple[str, bool]:
    """The commit checked out and whether files differ from it; unknown outside git."""
    head = _git(root, "rev-parse", "HEAD")
    return (head or "unknown", bool(_git(root, "status", "--porcelain")))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
