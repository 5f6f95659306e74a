"""What the stack needs to know of a program in order to start it and to wait for it."""

from dataclasses import dataclass
from typing import Protocol

from devstack.local_place import LocalPlace
from devstack.os_processes import Launch
from devstack.references import fill, fill_all
from devstack.toolbox import Toolbox
from devstack.topology import Process, Topology


class Program(Protocol):
    """One kind of process."""

    def prepare(self) -> Launch:
        """Writes configuration, initialises data once, and says how to start. Safe to repeat."""
        ...

    def ready(self) -> bool:
        """Whether it answers now. May raise OSError, which means no."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """A process together with the place it runs in and the programs it may use."""

    topology: Topology
    process: Process
    place: LocalPlace
    tools: Toolbox

    def port(self, name: str = "main") -> int:
        return self.place.port(self.process, name)

    def fill(self, text: str) -> str:
        return fill(self.topology, self.place, self.process, text)

    def environment(self) -> dict[str, str]:
        """All that the process will see of an environment."""
        own = fill_all(self.topology, self.place, self.process, self.process.environment)
        return {**self.tools.settings.handed_on(), **own}
