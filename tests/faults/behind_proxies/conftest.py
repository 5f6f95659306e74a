"""One system with a fault proxy before each dependency, for all tests here."""

from collections.abc import Iterator

import pytest
from tests.faults.behind_proxies.proxied_system import ProxiedSystem, proxied_system

REST = 60.0  # seconds until the system must be well again after the last test


@pytest.fixture(scope="session")
def healthy_behind_proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedSystem]:
    with proxied_system(tmp_path_factory.mktemp("proxied")) as system:
        yield system


@pytest.fixture
def system(healthy_behind_proxies: ProxiedSystem) -> Iterator[ProxiedSystem]:
    """Well at the beginning; healed at the end."""
    healthy_behind_proxies.all_ready(within=REST)
    yield healthy_behind_proxies
    healthy_behind_proxies.proxied.heal()
