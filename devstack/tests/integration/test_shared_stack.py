"""What a test leaves dead of the stack that others share, tried with runs inside a run."""

import pytest

pytestmark = pytest.mark.integration

_SHARED = """
from types import SimpleNamespace
import pytest

class OneProcess:
    topology = SimpleNamespace(processes=["s3"])
    up = {"s3"}

    def supervised(self, name):
        return SimpleNamespace(running=lambda: name in self.up)

    def kill(self, name):
        self.up.discard(name)

    def start(self, names):
        self.up.update(names)

@pytest.fixture(scope="session")
def infra():
    return OneProcess()
"""

_TESTS = """
def test_that_kills(infra):
    infra.kill("s3")
    assert {passes}, "before it started it again"

def test_that_comes_after(infra):
    assert infra.supervised("s3").running()
"""


@pytest.mark.parametrize(("passes", "failed"), [(False, ["kills"]), (True, ["comes_after"])])
def test_what_a_failed_test_left_dead_fails_no_other(
    pytester: pytest.Pytester, passes: bool, failed: list[str]
) -> None:
    pytester.makeini("[pytest]\naddopts = -p no:asyncio\n")
    pytester.makeconftest(_SHARED)
    pytester.makepyfile(_TESTS.format(passes=passes))
    done = pytester.runpytest_subprocess("-p", "devstack.pytest_plugin")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines([f"FAILED *test_that_{name}*" for name in failed])
