"""Ports that stay a test's own, also while its server is dead."""

import subprocess
import sys

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


def test_ports_are_none_that_the_kernel_gives_to_others() -> None:
    assert LOWEST <= free_port() < HIGHEST <= 32_768
