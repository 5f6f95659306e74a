"""Containers as a place for the topology: host names are service names, secrets are variables."""

from dataclasses import dataclass

from devstack.topology import Process, Topology

MENDING = "run: make compose-env"


@dataclass(frozen=True, slots=True)
class ContainerPlace:
    """Implements `references.Place` for docker-compose.yml and the nginx image."""

    topology: Topology

    def host(self, process: Process) -> str:
        return process.name

    def listen(self, process: Process) -> str:
        return "0.0.0.0"

    def port(self, process: Process, name: str) -> int:
        container = process.container
        return container.port if name == "main" else container.ports[name]

    def folder(self, process: Process) -> str:
        return process.container.folder or "/tmp"

    def secret(self, name: str) -> str:
        """A required variable; Compose refuses to start without it and shows the sentence."""
        return f"${{{self.topology.secrets[name].variable}:?{MENDING}}}"
