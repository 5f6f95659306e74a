"""Places and processes for the gateway's integration tests."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway_support.places import Places, make_places
from gateway_support.real_gateway import RealGateway, running

from devstack.stack import Stack


@pytest.fixture(scope="session")
def places(infra: Stack) -> Places:
    return make_places(infra.env)


@pytest.fixture(scope="module")
def gateway(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    with running(places, tmp_path_factory.mktemp("gateway") / "log") as started:
        yield started


@pytest.fixture
def client(gateway: RealGateway) -> Iterator[httpx.Client]:
    with gateway.client() as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"
