"""This machine as a place for the topology: loopback, ports from a base, one home folder."""

from dataclasses import dataclass
from pathlib import Path

from devstack.secret_store import secret_value
from devstack.topology import Process, Topology

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """Implements `references.Place`; also says where a process keeps its files."""

    topology: Topology
    home: Path
    port_base: int

    def host(self, process: Process) -> str:
        return LOOPBACK

    def listen(self, process: Process) -> str:
        return LOOPBACK

    def port(self, process: Process, name: str) -> int:
        return self.port_base + process.all_ports[name]

    def folder(self, process: Process) -> str:
        return str(self.data(process.name))

    def secret(self, name: str) -> str:
        return secret_value(self.home / "secrets", self.topology.secrets[name])

    def data(self, name: str) -> Path:
        """What must survive a restart."""
        return self.home / "data" / name

    def conf(self, name: str) -> Path:
        """What is written anew at each start."""
        return self.home / "conf" / name

    def log(self, name: str) -> Path:
        return self.home / "log" / f"{name}.log"

    def run(self) -> Path:
        """Process ids and the port base of what runs now."""
        return self.home / "run"
