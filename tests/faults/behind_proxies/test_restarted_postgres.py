"""Postgres goes away under load and comes back: no acknowledged write is lost, and it is quick."""

import logging
import time
from collections.abc import Callable

import pytest
from tests.faults.behind_proxies.crowd import Crowd
from tests.faults.behind_proxies.proxied_system import ProxiedSystem

from devstack.history.of_stack import check_stack, wait_until_quiet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.long]

RECOVERY = 10.0  # seconds from Postgres accepting connections to a success of every kind of call
AWAY = 1.5  # seconds, long enough for every pool to notice
_log = logging.getLogger(__name__)


def stopped(system: ProxiedSystem) -> None:
    """A fast shutdown: sessions end, commits are kept."""
    system.stack.stop_process("postgres")
    time.sleep(AWAY)
    system.stack.start_process("postgres")


def killed(system: ProxiedSystem) -> None:
    """No goodbye; the log is replayed at the start."""
    system.stack.kill("postgres")
    time.sleep(AWAY)
    system.stack.start_process("postgres")


def silenced(system: ProxiedSystem, seconds: float) -> None:
    system.proxied.postgres.blackhole()
    time.sleep(seconds)
    system.proxied.heal()


@pytest.mark.req("REL-01")
@pytest.mark.parametrize(
    "away",
    [
        pytest.param(stopped, id="stopped"),
        pytest.param(killed, id="killed"),
        pytest.param(lambda system: silenced(system, 8), id="silent for 8 s"),
        pytest.param(
            lambda system: silenced(system, 20), id="silent for 20 s", marks=pytest.mark.long
        ),
    ],
)
def test_no_acknowledged_write_is_lost_while_postgres_is_away_under_load(
    system: ProxiedSystem, away: Callable[[ProxiedSystem], None]
) -> None:
    crowd = Crowd(system)
    with crowd.busy():
        assert max(crowd.after(time.monotonic()).values()) < float("inf")
        away(system)
        back = time.monotonic()
        first = crowd.after(back)
    _log.info("first successes after the return: %s, %d refusals", first, crowd.refused)
    assert max(first.values()) < RECOVERY
    assert crowd.failures == []
    assert crowd.refused > 0, "nobody noticed that it was away"
    assert crowd.all_stored() > 0
    wait_until_quiet(system.stack)
    assert check_stack(system.stack, system.acks) == []
