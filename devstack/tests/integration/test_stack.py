"""Start, stop and everything that may go wrong in between."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import jwt
import psutil
import pytest

from devstack.errors import DevstackError
from devstack.os_processes import Running
from devstack.stack import Stack
from devstack.stack_for_tests import sweep_abandoned

pytestmark = pytest.mark.integration
SOME = ["s3", "setup", "catalog", "delivery"]


def _family(stack: Stack) -> list[psutil.Process]:
    found = [stack.supervised(name).running() for name in stack.topology.processes]
    leaders = [psutil.Process(one.pid) for one in found if one is not None]
    return [one for leader in leaders for one in (leader, *leader.children(recursive=True))]


def _living(family: list[psutil.Process]) -> list[psutil.Process]:
    gone, alive = psutil.wait_procs(family, timeout=5)
    assert len(gone) + len(alive) == len(family)
    return alive


def test_a_second_start_finds_everything_running(idle: Stack) -> None:
    assert set(idle.start(SOME)) == set(SOME)
    assert idle.start(SOME) == []


def test_a_stop_leaves_no_process_not_even_a_child(idle: Stack) -> None:
    idle.start(SOME)
    family = _family(idle)
    assert len(family) == 5  # the store, two stand-ins, the sleeping child of each
    assert set(idle.stop()) == {"s3", "catalog", "delivery"}
    assert _living(family) == []
    assert not (idle.home / "env").exists()


def test_a_killed_process_takes_its_children_along_and_comes_back_alone(idle: Stack) -> None:
    idle.start(SOME)
    pid = idle.env["REPRISE_PID_DELIVERY"]
    idle.kill("catalog")
    assert idle.supervised("catalog").running() is None
    assert "catalog" in idle.start(SOME)
    assert idle.env["REPRISE_PID_DELIVERY"] == pid


def test_another_program_can_stop_what_this_one_started(idle: Stack) -> None:
    idle.start(SOME)
    family = _family(idle)
    other = Stack(idle.topology, idle.home)
    assert other.place.port_base == idle.place.port_base
    other.stop()
    assert _living(family) == []


def test_what_died_comes_back_where_the_rest_runs_without_saying_the_port_again(
    idle: Stack,
) -> None:
    idle.start(SOME)
    idle.kill("catalog")
    other = Stack(idle.topology, idle.home)
    assert "catalog" in other.start(SOME)
    assert other.port("catalog") == idle.port("catalog")
    other.stop()


def test_a_process_sees_only_what_the_topology_says(
    idle: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "leaked")
    idle.configure("catalog", {"REPRISE_FAILPOINTS": "here=sleep:1"})
    idle.start(["catalog"])
    seen = httpx.get(f"http://127.0.0.1:{idle.port('catalog')}/").json()["environment"]
    seen.pop("LC_CTYPE", None)  # set by the interpreter itself
    assert set(seen) == {*idle.environment("catalog"), "PATH", "HOME", "LANG"}
    assert seen["REPRISE_FAILPOINTS"] == "here=sleep:1"


def test_the_environment_file_is_private_and_a_shell_can_read_it(idle: Stack) -> None:
    idle.start(SOME)
    path = idle.home / "env"
    assert path.stat().st_mode & 0o777 == 0o600
    script = f'set -eu; . {path}; echo "$REPRISE_URL $REPRISE_PID_CATALOG $REPRISE_ADMIN_TOKEN"'
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    url, pid, token = shown.stdout.split()
    assert url == f"http://127.0.0.1:{idle.port('nginx')}"
    assert int(pid) == getattr(idle.supervised("catalog").running(), "pid", None)
    secret = idle.environment("catalog")["REPRISE_JWT_SECRET"]
    claims = jwt.decode(token, secret, ["HS256"], audience="reprise", issuer="reprise")
    assert (claims["sub"], claims["role"]) == ("admin@example.org", "admin")
    assert claims["exp"] - claims["iat"] == 30 * 86400


def test_a_pid_file_of_another_life_counts_as_nothing(idle: Stack) -> None:
    Running(os.getpid(), "of another life").save(idle.home / "run" / "catalog.json")
    assert idle.start(["catalog"]) == ["catalog"]


def test_an_occupied_port_is_told_and_nothing_stays_behind(idle: Stack) -> None:
    with socket.create_server(("127.0.0.1", idle.port("delivery"))):
        with pytest.raises(DevstackError, match=r"wanted by delivery, is in use by .*process \d+"):
            idle.start(SOME)
        assert _family(idle) == []


def test_a_process_that_ends_early_is_told_with_the_end_of_its_log(idle: Stack) -> None:
    idle.configure("catalog", {"REPRISE_HTTP_PORT": "no number"})
    with pytest.raises(DevstackError, match=r"(?s)catalog ended with code 1.*no number"):
        idle.start(SOME)
    assert _family(idle) == []


def test_what_a_killed_test_run_left_is_removed_by_the_next(idle: Stack) -> None:
    idle.start(["s3"])
    family = _family(idle)
    Running(os.getpid(), "of another life").save(idle.home / "owner.json")
    sweep_abandoned(idle.topology, idle.home.parent)
    assert _living(family) == []
    assert not idle.home.exists()


def test_two_commands_at_once_do_not_meet(idle: Stack) -> None:
    def second(_name: str) -> None:
        Stack(idle.topology, idle.home).stop()

    with pytest.raises(DevstackError, match="another command works on"):
        idle.start(["s3"], second)


def test_an_interrupted_start_stops_what_it_started(tmp_path: Path) -> None:
    command = ["-m", "devstack", "up", "--infra", "--home", str(tmp_path / "home")]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "REPRISE_PORT_BASE": "19400"}
    up = subprocess.Popen([sys.executable, *command], env=environment, stdout=subprocess.DEVNULL)
    pid_file = tmp_path / "home" / "run" / "postgres.json"
    _wait_for(pid_file, up)
    up.send_signal(signal.SIGINT)
    assert up.wait(30) != 0
    assert not list(pid_file.parent.glob("*.json"))
    assert not [one for one in psutil.process_iter(["cmdline"]) if _mentions(one, tmp_path)]


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _mentions(process: psutil.Process, folder: Path) -> bool:
    return any(str(folder) in word for word in process.info["cmdline"] or ())
