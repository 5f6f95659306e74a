"""Which failpoints the suite kills at, as its own marks say: a run that only collects tells."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from devstack.repository import ROOT

_OUTPUT = "failpoints marked: "


def pytest_collection_finish(session: pytest.Session) -> None:
    """In the collecting run: print every point that a test is marked with."""
    marks = [mark for item in session.items for mark in item.iter_markers("failpoint")]
    points = sorted({point for mark in marks for point in mark.args})
    sys.stderr.write(f"{_OUTPUT}{json.dumps(points)}\n")


def marked_points() -> set[str]:
    """All points that a test of either suite is marked with, wherever it lies."""
    files = [str(file) for file in _marking_files()]
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "failpoint"]
    done = subprocess.run(
        [*argv, "-p", __name__, *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = [line for line in done.stderr.splitlines() if line.startswith(_OUTPUT)]
    assert done.returncode == 0, done.stdout + done.stderr
    return set(json.loads(found[0].removeprefix(_OUTPUT)))


def _marking_files() -> Iterable[Path]:
    for folder in ("tests", "libs", "services", "cli", "devstack"):
        for file in (ROOT / folder).rglob("test_*.py"):
            if "mark.failpoint(" in (text := file.read_text()) or "tests.faults.story" in text:
                yield file
