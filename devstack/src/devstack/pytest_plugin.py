"""Fixtures of the real stack for tests, and the record of what a run proved.

`infra`: broker, database and store run; no topic, schema or bucket exists unless a test makes it
(or `stack` was asked for before). `stack`: everything, set up. Both are the same `Stack`, in a
folder of its own on free ports, started when first asked for and stopped at the end of the run.
"""

import logging
import os
from collections.abc import Generator, Iterator

import pytest
import structlog

from devstack.pytest_results import ResultRecorder
from devstack.results import RESULTS
from devstack.settings import DevstackSettings
from devstack.stack import Stack
from devstack.stack_for_tests import stack_for_tests

_PATIENCE = 180  # seconds for a test that may have to start everything first
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("reprise")
    group.addoption("--results", default=str(RESULTS), help="folder of the result files")
    group.addoption("--suite", default="", help="name of the result file, for `make requirements`")


def pytest_configure(config: pytest.Config) -> None:
    _shed_installation()
    config.pluginmanager.register(ResultRecorder(config), "reprise-results")


def _shed_installation() -> None:
    """A shell that has read `.dev/env` would hand its addresses and secrets to every test."""
    ours = {field.alias for field in DevstackSettings.model_fields.values()}
    for name in list(os.environ):  # noqa: TID251 (nothing is read here)
        if name.startswith(("MEDIA_", "REPRISE_")) and name not in ours:
            del os.environ[name]  # noqa: TID251


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        wants_stack = {"infra", "stack"} & set(getattr(item, "fixturenames", ()))
        if wants_stack and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_PATIENCE))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(autouse=True)
def _stack_as_found(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a failed test left dead is started again: its failure shall be the only one.

    After a test that passed nothing is: what died by itself must not be hidden.
    """
    if "infra" not in request.fixturenames:
        yield
        return
    shared: Stack = request.getfixturevalue("infra")
    found = [name for name in shared.topology.processes if shared.supervised(name).running()]
    yield
    if request.node.stash.get(_FAILED, False):
        shared.start(found)


@pytest.fixture(autouse=True)
def _logging_as_found() -> Iterator[None]:
    """What a test runs may configure logging for its process, which is that of all other tests.

    Left behind, it would write to this test's captured streams after they are closed.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configured, config = structlog.is_configured(), structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    if configured:
        structlog.configure(**config)


@pytest.fixture(scope="session")
def one_stack() -> Iterator[Stack]:
    """The run's own stack, nothing of it started yet."""
    with stack_for_tests() as stack:
        yield stack


@pytest.fixture(scope="session")
def infra(one_stack: Stack) -> Stack:
    """Broker, database and store."""
    one_stack.start(one_stack.infrastructure())
    return one_stack


@pytest.fixture(scope="session")
def stack(infra: Stack) -> Stack:
    """The whole system behind its edge."""
    infra.start()
    return infra
