"""Fills in the `${...}` of the topology, in one syntax for plain processes and for containers."""

import re
from collections.abc import Mapping
from typing import Protocol

from devstack.errors import TopologyError
from devstack.topology import Process, Topology

_REFERENCE = re.compile(r"\$\{([^}]*)\}")


class Place(Protocol):
    """Where the processes run: on this machine or in containers. Answers what differs."""

    def host(self, process: Process) -> str:
        """The name other processes reach it by."""
        ...

    def listen(self, process: Process) -> str:
        """The address it binds."""
        ...

    def port(self, process: Process, name: str) -> int:
        """The number of one of its ports; the main one is called `main`."""
        ...

    def folder(self, process: Process) -> str:
        """The folder of its own that survives a restart."""
        ...

    def secret(self, name: str) -> str:
        """The value of a secret, or what stands for it."""
        ...


def fill(topology: Topology, place: Place, process: Process, text: str) -> str:
    """`text` with every reference replaced; an unknown one is an error that names the process."""

    def replace(match: re.Match[str]) -> str:
        owner, _, field = match.group(1).partition(".")
        if owner == "secret":
            if field not in topology.secrets:
                raise TopologyError(f"processes.{process.name}: no secret {field!r}")
            return place.secret(field)
        target = process if owner == "self" else topology.processes.get(owner)
        value = None if target is None else _field(place, target, field)
        if value is None:
            raise TopologyError(f"processes.{process.name}: unknown reference {match.group(0)}")
        return value

    return _REFERENCE.sub(replace, text)


def fill_all(
    topology: Topology, place: Place, process: Process, values: Mapping[str, str]
) -> dict[str, str]:
    return {key: fill(topology, place, process, value) for key, value in values.items()}


def _field(place: Place, target: Process, field: str) -> str | None:
    if field == "address":
        return f"{place.host(target)}:{place.port(target, 'main')}"
    if field == "roles":
        return ",".join(target.roles)
    if field == "port" or field.startswith("port."):
        return str(place.port(target, field.partition(".")[2] or "main"))
    simple = {"host": place.host, "listen": place.listen, "folder": place.folder}
    return simple[field](target) if field in simple else None
