"""The files made from the topology, and whether the committed ones are still the same."""

from collections.abc import Mapping
from pathlib import Path

from devstack.compose_file import render_compose
from devstack.container_place import ContainerPlace
from devstack.nginx_config import render_container
from devstack.topology import Topology


def generated_files(topology: Topology) -> Mapping[str, str]:
    """Path in the repository -> text."""
    return {
        "docker-compose.yml": render_compose(topology),
        "deploy/nginx/reprise.conf": render_container(topology, ContainerPlace(topology)),
    }


def write_generated(topology: Topology, root: Path) -> list[str]:
    """Writes what differs; returns those paths."""
    stale = stale_files(topology, root)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(generated_files(topology)[path], encoding="utf-8")
    return stale


def stale_files(topology: Topology, root: Path) -> list[str]:
    """Which committed files are not what the topology makes."""
    return [
        path
        for path, text in generated_files(topology).items()
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    ]
