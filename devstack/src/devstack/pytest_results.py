"""Watches a test run and writes its result file; refuses marks that name no requirement.

In a run on several processes each collects, one runs the test, and the controlling one hears of it:
what that must know of a test travels with the test's reports.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from devstack.requirement_rows import REQUIREMENTS, requirement_rows
from devstack.results import Outcome, RunResult, TestResult, current_commit, save_result

# What the suites leave out or ask for; with any other expression the run is a partial one.
_EXPRESSIONS = {"test": "not long", "test-long": "long"}

# Options of pytest that leave tests out.
_NARROWING = ("keyword", "deselect", "ignore", "ignore_glob", "lf", "stepwise")


class ResultRecorder:
    """A pytest plugin object; one per process of a run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._suite: str = config.getoption("--suite")
        self._collected = 0
        self._rows: dict[str, tuple[str, ...]] = {}
        self._outcomes: dict[str, Outcome] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        known = set(requirement_rows()) if REQUIREMENTS.exists() else set()
        for item in items:
            rows = tuple(row for mark in item.iter_markers("req") for row in mark.args)
            unknown = [row for row in rows if row not in known]
            if unknown:
                raise pytest.UsageError(
                    f"{item.nodeid}: {unknown[0]} is no row of {REQUIREMENTS.name}"
                )
            item.user_properties.extend(("req", row) for row in rows)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._collected = len(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: Sequence[str]) -> None:
        self._collected = len(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._rows[report.nodeid] = tuple(
            str(row) for name, row in report.user_properties if name == "req"
        )
        if report.failed:
            self._outcomes[report.nodeid] = "failed"
        elif report.skipped or hasattr(report, "wasxfail"):
            self._outcomes.setdefault(report.nodeid, "skipped")
        elif report.when == "call":
            self._outcomes.setdefault(report.nodeid, "passed")

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        worker = hasattr(self._config, "workerinput")
        if worker or not self._suite or self._config.option.collectonly:
            return
        commit, dirty = current_commit()
        tests = tuple(self._result(nodeid) for nodeid in sorted(self._outcomes))
        complete = self._complete(exitstatus, len(tests))
        folder = Path(self._config.getoption("--results"))
        save_result(RunResult(self._suite, commit, dirty, complete, tests), folder)

    def _result(self, nodeid: str) -> TestResult:
        return TestResult(nodeid, self._outcomes[nodeid], self._rows[nodeid])

    def _complete(self, exitstatus: int, finished: int) -> bool:
        option = self._config.option
        unfiltered = (
            self._config.args_source is not pytest.Config.ArgsSource.ARGS
            and not any(getattr(option, name, None) for name in _NARROWING)
            and option.markexpr == _EXPRESSIONS.get(self._suite, "")
        )
        to_its_end = exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
        return unfiltered and to_its_end and finished == self._collected
