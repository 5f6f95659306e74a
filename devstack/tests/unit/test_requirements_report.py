"""Only a passing test proves a row, and one failing test unproves it."""

import json
from pathlib import Path

import pytest

from devstack.requirement_rows import requirement_rows
from devstack.requirements_report import requirement_states
from devstack.results import Outcome, RunResult, TestResult, load_results, save_result


def _run(*tests: tuple[str, Outcome, str], complete: bool = True) -> RunResult:
    results = tuple(TestResult(name, outcome, (row,)) for name, outcome, row in tests)
    return RunResult("test", "abc", dirty=False, complete=complete, tests=results)


def _lines(*runs: RunResult) -> list[str]:
    return [state.line() for state in requirement_states(("UPL-01", "UPL-02"), runs)]


def test_the_document_has_217_rows() -> None:
    assert len(requirement_rows()) == 217


def test_a_passing_test_proves_its_row() -> None:
    assert _lines(_run(("t.py::a", "passed", "UPL-01"))) == ["UPL-01 proven t.py::a", "UPL-02 open"]


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_test_that_did_not_pass_proves_nothing(outcome: Outcome) -> None:
    assert _lines(_run(("t.py::a", outcome, "UPL-01"))) == ["UPL-01 open", "UPL-02 open"]


def test_one_failing_test_unproves_the_row_also_from_another_suite() -> None:
    first = _run(("t.py::a", "passed", "UPL-01"))
    second = _run(("t.py::b", "failed", "UPL-01"))
    assert _lines(first, second)[0] == "UPL-01 open"


def test_a_filtered_run_neither_counts_nor_hides_the_complete_one(tmp_path: Path) -> None:
    save_result(_run(("t.py::a", "passed", "UPL-01")), tmp_path)
    save_result(_run(complete=False), tmp_path)
    (loaded,) = load_results("abc", ["test", "test-long"], tmp_path)
    assert loaded == _run(("t.py::a", "passed", "UPL-01"))


def test_a_run_of_another_commit_does_not_count(tmp_path: Path) -> None:
    path = save_result(_run(("t.py::a", "passed", "UPL-01")), tmp_path)
    assert json.loads(path.read_text())["commit"] == "abc"
    assert load_results("def", ["test"], tmp_path) == []
