"""An occupied port is told with its owner and the way out."""

import os
import socket

import pytest

from devstack.errors import DevstackError
from devstack.ports import FreePorts, demand_free, is_free


def test_the_sentence_names_the_port_the_process_and_the_command() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DevstackError) as caught:
            demand_free("catalog", port)
    text = str(caught.value)
    assert text.startswith(f"port {port}, wanted by catalog, is in use by ")
    assert f"(process {os.getpid()})" in text
    assert "REPRISE_PORT_BASE=28000 make up" in text


def test_two_reservations_never_meet() -> None:
    first, second = FreePorts(range(14)), FreePorts(range(14))
    try:
        assert abs(first.base - second.base) >= 14
        assert all(is_free(base + n) for base in (first.base, second.base) for n in range(14))
    finally:
        first.release()
        second.release()
