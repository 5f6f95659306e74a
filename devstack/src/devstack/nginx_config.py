"""Writes the edge's configuration from the topology: one text for processes, one for containers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devstack.nginx_blocks import (
    LOG_FORMAT,
    PROXY,
    backend_variable,
    closed_roots,
    location,
    names,
    own_health,
    problems,
    shown_scheme,
    upstreams,
)
from devstack.references import Place
from devstack.topology import Topology


@dataclass(frozen=True, slots=True)
class LocalPaths:
    """Where the process writes: its folder (pid, temporary files) and its access log."""

    folder: Path
    access_log: Path


def render_local(topology: Topology, place: Place, paths: LocalPaths) -> str:
    """For nginx as a plain process; runs in the foreground and writes only into its own folder."""
    edge = topology.edge()
    # The error log quotes whole request lines, query and all, below the level `alert`.
    main = f"""daemon off;
pid {paths.folder}/nginx.pid;
worker_processes 2;
error_log stderr alert;"""
    http = [
        _temporary(str(paths.folder)),
        f"    access_log {paths.access_log} edge;",
        upstreams(topology, place),
    ]
    listen = f"{place.listen(edge)}:{place.port(edge, 'main')}"
    return _render(topology, main, http, listen, lambda name: name)


def render_container(topology: Topology, place: Place) -> str:
    """For the nginx image, as its whole nginx.conf; service names are host names."""
    main = """pid /tmp/nginx.pid;
worker_processes auto;
error_log /dev/stderr alert;"""
    http = [
        _temporary("/tmp"),
        "    access_log /dev/stdout edge;",
        # Names are looked up while running: a recreated container may come back elsewhere.
        "    resolver 127.0.0.11 valid=5s ipv6=off;",
        names(topology, place),
    ]
    listen = str(place.port(topology.edge(), "main"))
    return _render(topology, main, http, listen, backend_variable)


def _render(
    topology: Topology, main: str, http: list[str], listen: str, backend: Callable[[str], str]
) -> str:
    hidden = "\n".join(
        f'        ~^{route.path} "{route.path}-";' for route in topology.routes if route.hidden
    )
    parts = [
        "# Generated from deploy/topology.yaml by `make generate`; edit that file.",
        main,
        "events {\n    worker_connections 2048;\n}\n",
        "http {",
        LOG_FORMAT % hidden,
        shown_scheme(topology),
        PROXY,
        *http,
        f"\n    server {{\n        listen {listen};",
        problems(),
        *(location(route, backend(route.to)) for route in topology.routes),
        closed_roots(topology),
        "        location / {\n            return 404;\n        }",
        own_health(),
        "    }\n}",
    ]
    return "\n".join(parts) + "\n"


def _temporary(folder: str) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n".join(f"    {kind}_temp_path {folder}/{kind};" for kind in kinds)
