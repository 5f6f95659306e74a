"""The stack that is hurt by every test here, and the judgement over it after each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.client import Reprise
from tests.faults.deaths import witnessed
from tests.faults.fault_stack import fault_stack
from tests.faults.foreign_uploads import Foreigner
from tests.faults.patient_client import PatientClient

from devstack.history.acks import Acks
from devstack.history.of_stack import check_stack, wait_until_quiet
from devstack.stack import Stack

REST = 120.0  # seconds until everything that was begun must have ended


@pytest.fixture(scope="session")
def faulted() -> Iterator[Stack]:
    with fault_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def acknowledged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What clients of the stack were told, over all its tests."""
    return tmp_path_factory.mktemp("acks") / "acks.jsonl"


@pytest.fixture
def client(faulted: Stack, acknowledged: Path) -> Iterator[PatientClient]:
    caller = Reprise(faulted.env["REPRISE_URL"], faulted.env["REPRISE_ADMIN_TOKEN"])
    acknowledged.touch()
    yield PatientClient(caller, Acks(acknowledged))
    caller.close()


@pytest.fixture(scope="session")
def foreigner(faulted: Stack) -> Foreigner:
    """Writes into the topics what none of us wrote; its keys are no part of the judgement."""
    return Foreigner(faulted)


@pytest.fixture(autouse=True)
def kept_promise(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that is marked with failpoints has seen a process die at each of them."""
    promised = {point for mark in request.node.iter_markers("failpoint") for point in mark.args}
    before = len(witnessed)
    yield
    assert promised - set(witnessed[before:]) == set(), "nobody died there"


@pytest.fixture(autouse=True)
def sound_history(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test on the hurt stack: it comes to rest, and nothing of its history is wrong."""
    if "client" not in request.fixturenames:
        yield
        return
    stack: Stack = request.getfixturevalue("faulted")
    acks: Path = request.getfixturevalue("acknowledged")
    foreign: Foreigner = request.getfixturevalue("foreigner")
    yield
    wait_until_quiet(stack, within=REST)
    wrong = check_stack(stack, acks)
    assert [one for one in wrong if not any(key in one.detail for key in foreign.keys)] == []
