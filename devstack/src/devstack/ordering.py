"""In which order processes start; the reverse is the order in which they stop."""

from collections.abc import Collection

from devstack.errors import TopologyError
from devstack.topology import Process, Topology


def layers(topology: Topology, names: Collection[str]) -> list[list[Process]]:
    """Groups to start one after the other; inside a group nobody waits for anybody.

    A need outside `names` is taken as met: the infrastructure can be started alone.
    """
    unknown = [name for name in names if name not in topology.processes]
    if unknown:
        raise TopologyError(f"no process {unknown[0]!r} in {', '.join(topology.processes)}")
    left = [process for process in topology.processes.values() if process.name in names]
    ordered: list[list[Process]] = []
    while left:
        waiting = {process.name for process in left}
        layer = [process for process in left if not waiting & set(process.needs)]
        if not layer:
            raise TopologyError(f"processes.{left[0].name}.needs: a circle")
        ordered.append(layer)
        left = [process for process in left if process not in layer]
    return ordered
