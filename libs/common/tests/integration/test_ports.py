"""Ports that stay a test's own, also while its server is dead."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.testing.ports import BLOCK, HIGHEST, LOWEST, free_port

pytestmark = pytest.mark.integration
MANY = BLOCK + 5
ASK = f"from common.testing.ports import free_port\nprint([free_port() for _ in range({MANY})])"


def test_no_port_is_given_twice_not_even_by_another_process() -> None:
    here = [free_port() for _ in range(MANY)]
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    there = [int(number) for number in done.stdout.strip("[]\n").split(",")]
    assert len({*here, *there}) == 2 * MANY


def test_threads_may_ask_at_once() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda _: free_port(), range(BLOCK)))
    finally:
        sys.setswitchinterval(interval)
    assert len(set(found)) == BLOCK


def test_ports_are_none_that_the_kernel_gives_to_others() -> None:
    assert LOWEST <= free_port() < HIGHEST <= 32_768
