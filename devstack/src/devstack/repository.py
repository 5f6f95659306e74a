"""Where the working copy lies; devstack is installed editable, so its own file shows it."""

from pathlib import Path

from devstack.topology import Topology
from devstack.topology_file import load_topology

ROOT = Path(__file__).resolve().parents[3]
TOPOLOGY = ROOT / "deploy" / "topology.yaml"


def topology() -> Topology:
    """The topology of this working copy."""
    return load_topology(TOPOLOGY)
