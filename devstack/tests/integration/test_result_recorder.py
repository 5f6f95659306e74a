"""What a run writes down, tried with runs inside a run."""

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

_TESTS = """
import pytest

@pytest.mark.req("UPL-01", "UPL-02")
def test_good(): pass

@pytest.mark.req("UPL-03")
def test_bad(): assert False

@pytest.mark.req("UPL-04")
@pytest.mark.skip
def test_skipped(): pass

@pytest.mark.req("UPL-05")
@pytest.mark.xfail
def test_expected_to_fail(): assert False

@pytest.mark.long
@pytest.mark.req("UPL-06")
def test_long(): pass
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\nmarkers =\n  req: rows\n  long: long\naddopts = -p no:asyncio\n")
    pytester.makepyfile(_TESTS)
    return pytester


def _run(inner: pytest.Pytester, *arguments: str) -> Path:
    results = inner.path / "results"
    plugin = ("-p", "devstack.pytest_plugin", "--results", str(results))
    inner.runpytest_subprocess(*plugin, *arguments)
    return results


def _outcomes(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text())
    return {row: test["outcome"] for test in document["tests"] for row in test["rows"]}


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_run_of_the_suite_is_complete_and_tells_each_row(
    inner: pytest.Pytester, processes: str
) -> None:
    results = _run(inner, "--suite", "test", "-m", "not long", "-n", processes)
    assert _outcomes(results / "test.json") == {
        "UPL-01": "passed",
        "UPL-02": "passed",
        "UPL-03": "failed",
        "UPL-04": "skipped",
        "UPL-05": "skipped",
    }


@pytest.mark.parametrize(
    "extra",
    [
        ["-m", "not long", "-k", "good"],
        ["-m", "not long", "-x"],
        ["-m", "not long", "--deselect", "x.py"],
        ["-m", "not long and not e2e"],
        ["-m", "not long", "test_a_filtered_run_is_partial.py"],
    ],
)
def test_a_filtered_run_is_partial(inner: pytest.Pytester, extra: list[str]) -> None:
    results = _run(inner, "--suite", "test", *extra)
    assert [path.name for path in results.glob("*")] in (["test.partial.json"], [])


def test_a_run_without_a_suite_leaves_no_file(inner: pytest.Pytester) -> None:
    assert not _run(inner).exists()


def test_a_mark_that_names_no_row_fails_the_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile('import pytest\n@pytest.mark.req("UPL-999")\ndef test_a(): pass\n')
    result = pytester.runpytest_subprocess("-p", "devstack.pytest_plugin")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_a: UPL-999 is no row of requirements.md"])
