"""Random commands against a model: create, send, cut, ask, end, expire, crash, join."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_support.forked_gateways import forks
from gateway_support.places import Places, make_places
from gateway_support.real_gateway import RealGateway
from gateway_support.upload_machine import machine
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from devstack.stack import Stack

pytestmark = pytest.mark.integration


@pytest.fixture
def own(infra: Stack) -> Places:
    return make_places(infra.env)


@pytest.fixture
def forked(own: Places, log: Path) -> Iterator[RealGateway]:
    with forks() as spawn:
        gateway = RealGateway(own, log, spawn, REPRISE_UPLOAD_SWEEP_INTERVAL="0.2")
        gateway.start()
        yield gateway
        gateway.kill()


@pytest.mark.timeout(120)
def test_few_random_commands_do_what_the_model_says(own: Places, forked: RealGateway) -> None:
    obeys(own, forked, examples=3, steps=10)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_many_random_commands_do_what_the_model_says(own: Places, forked: RealGateway) -> None:
    obeys(own, forked, examples=30, steps=30)


def obeys(places: Places, gateway: RealGateway, *, examples: int, steps: int) -> None:
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=examples < 10,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine(places, gateway), settings=how)
