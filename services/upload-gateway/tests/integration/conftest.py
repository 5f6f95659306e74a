"""Places and processes for the gateway's integration tests."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway_support import presigned
from gateway_support.documented import documented
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
        opened.event_hooks = {"response": [documented]}
        yield opened


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture(scope="session")
def signing_places(infra: Stack) -> Places:
    """Places of a store that was asked what it does with signed requests."""
    places = make_places(infra.env)
    presigned.learn(places)
    return places


@pytest.fixture(scope="module")
def signing(
    signing_places: Places, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealGateway]:
    """A gateway that clears up at once and once more when its short-lived URLs have ended."""
    rhythm = {"REPRISE_UPLOAD_SWEEP_INTERVAL": "0.3", "REPRISE_UPLOAD_URL_LATE": "0"}
    log = tmp_path_factory.mktemp("signing") / "log"
    with running(signing_places, log, **rhythm) as started:
        yield started


@pytest.fixture
def sender(signing: RealGateway) -> Iterator[httpx.Client]:
    """A plain client: no header of any upload protocol."""
    token = {"Authorization": f"Bearer {signing.places.token()}"}
    with httpx.Client(base_url=signing.url, headers=token, timeout=30) as opened:
        opened.event_hooks = {"response": [documented]}
        yield opened
