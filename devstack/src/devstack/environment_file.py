"""Writes `.dev/env`: all a shell or a test needs to talk to the running stack."""

import re
import shlex
from typing import TYPE_CHECKING

from devstack.secret_store import write_private
from devstack.tokens import make_token

if TYPE_CHECKING:
    from devstack.stack import Stack


def shell_values(stack: "Stack") -> dict[str, str]:
    """Origin, tokens, store, broker, database, ports, logs and process ids."""
    operator = stack.environment("setup")
    edge = stack.topology.edge().name
    return {
        **{key: value for key, value in operator.items() if not key.startswith("PYTHON")},
        "REPRISE_URL": f"http://127.0.0.1:{stack.port(edge)}",
        "REPRISE_ADMIN_TOKEN": _token(operator, "admin@example.org", "admin"),
        "REPRISE_USER_TOKEN": _token(operator, "listener@example.org", "user"),
        "REPRISE_LOG_DIR": str(stack.home / "log"),
        **_ports(stack),
        **_pids(stack),
    }


def write_environment_file(stack: "Stack") -> None:
    lines = (f"export {key}={shlex.quote(value)}\n" for key, value in shell_values(stack).items())
    write_private(stack.home / "env", "".join(lines))


def _token(operator: dict[str, str], subject: str, role: str) -> str:
    return make_token(
        secret=operator["REPRISE_JWT_SECRET"],
        issuer=operator["REPRISE_JWT_ISSUER"],
        audience=operator["REPRISE_JWT_AUDIENCE"],
        subject=subject,
        role=role,
    )


def _ports(stack: "Stack") -> dict[str, str]:
    return {
        f"REPRISE_PORT_{_upper(name)}": str(stack.port(name))
        for name, process in stack.topology.processes.items()
        if process.port is not None
    }


def _pids(stack: "Stack") -> dict[str, str]:
    found = {name: stack.supervised(name).running() for name in stack.topology.processes}
    return {f"REPRISE_PID_{_upper(n)}": str(one.pid) for n, one in found.items() if one}


def _upper(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()
