"""Callers of the one origin, for every story."""

from collections.abc import Iterator

import pytest
from tests.e2e.client import Reprise

from devstack.stack import Stack


@pytest.fixture
def admin(stack: Stack) -> Iterator[Reprise]:
    client = Reprise(stack.env["REPRISE_URL"], stack.env["REPRISE_ADMIN_TOKEN"])
    yield client
    client.close()


@pytest.fixture
def listener(stack: Stack) -> Iterator[Reprise]:
    client = Reprise(stack.env["REPRISE_URL"], stack.env["REPRISE_USER_TOKEN"])
    yield client
    client.close()


@pytest.fixture
def anonymous(stack: Stack) -> Iterator[Reprise]:
    client = Reprise(stack.env["REPRISE_URL"], None)
    yield client
    client.close()
