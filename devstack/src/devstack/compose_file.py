"""Writes docker-compose.yml from the topology: the same processes, each in a container."""

from typing import Any

import yaml

from devstack.container_place import ContainerPlace
from devstack.references import fill, fill_all
from devstack.topology import Process, Topology

Service = dict[str, Any]

_HEADER = """\
# Generated from deploy/topology.yaml by `make generate`; edit that file.
#
#   make compose-env                     writes the secrets to .env, once
#   docker compose up --build --wait     then the origin is on 127.0.0.1, port REPRISE_PORT_BASE
"""
_EDGE_CONFIG = "./deploy/nginx/reprise.conf:/etc/nginx/nginx.conf:ro"
_EDGE_USER = "101:101"  # `nginx` in its image; as root it would need capabilities to change to it


def render_compose(topology: Topology) -> str:
    """The whole file; understood by Compose v2 and by docker-compose 1.29."""
    processes = topology.processes.values()
    document = {
        "services": {one.name: _service(topology, one) for one in processes},
        "volumes": {one.name: {} for one in processes if one.container.folder},
    }
    return _HEADER + "\n" + yaml.safe_dump(document, sort_keys=False, width=1000)


def _service(topology: Topology, process: Process) -> Service:
    return {
        **_source(process),
        # our own images have an entry point of their own, which a command would only be appended to
        **_present(
            "entrypoint" if process.container.build else "command", _command(topology, process)
        ),
        **_present("environment", _environment(topology, process)),
        **_present("depends_on", {need: _condition(topology, need) for need in process.needs}),
        **_present("healthcheck", _healthcheck(process)),
        **_present("volumes", _volumes(process)),
        **_present("ports", _published(topology, process)),
        **_lifetime(process),
        **_confinement(process),
        "logging": {"driver": "json-file", "options": {"max-size": "20m", "max-file": "3"}},
    }


def _present(key: str, value: list[str] | Service) -> Service:
    return {key: value} if value else {}


def _source(process: Process) -> Service:
    container = process.container
    if container.build is None:
        return {"image": container.image}
    build = {"context": ".", "dockerfile": container.build}
    return {"image": f"reprise/{process.name}:dev", "build": build}


def _command(topology: Topology, process: Process) -> list[str]:
    place = ContainerPlace(topology)
    if process.options:
        pairs = [f"{key}={value}" for key, value in process.options.items()]
        words = ["postgres", *(word for pair in pairs for word in ("-c", pair))]
    else:
        words = list(process.command or process.arguments)
    return [fill(topology, place, process, word) for word in words]


def _environment(topology: Topology, process: Process) -> Service:
    # The Kafka image turns KAFKA_A_B into the property a.b.
    properties = {
        f"KAFKA_{key.upper().replace('.', '_')}": value for key, value in process.properties.items()
    }
    merged = {**process.environment, **properties, **process.container.environment}
    return dict(fill_all(topology, ContainerPlace(topology), process, merged))


def _condition(topology: Topology, need: str) -> Service:
    ends = topology.processes[need].kind == "task"
    return {"condition": "service_completed_successfully" if ends else "service_healthy"}


def _healthcheck(process: Process) -> Service:
    if process.kind == "task":
        return {}
    command = process.container.health or _ask_own_health(process)
    return {
        "test": ["CMD", *command],
        "interval": "5s",
        "timeout": "10s",
        "retries": 6,
        "start_period": "30s",
    }


def _ask_own_health(process: Process) -> tuple[str, ...]:
    """Python is the one tool the services' images surely have; anything but success raises."""
    url = f"http://127.0.0.1:{process.container.port}{process.health.path}"
    return ("python", "-c", f"import urllib.request as u; u.urlopen('{url}', timeout=5)")


def _volumes(process: Process) -> list[str]:
    own = [f"{process.name}:{process.container.folder}"] if process.container.folder else []
    return [*own, _EDGE_CONFIG] if process.kind == "nginx" else own


def _published(topology: Topology, process: Process) -> list[str]:
    if not process.container.publish:
        return []
    outside = f"${{REPRISE_PORT_BASE:-{topology.port_base}}}"
    return [f"127.0.0.1:{outside}:{process.container.port}"]


def _lifetime(process: Process) -> Service:
    container = process.container
    return {
        "restart": "no" if process.kind == "task" else "unless-stopped",
        "stop_signal": f"SIG{process.stop.signal}",
        "stop_grace_period": f"{process.stop.grace:g}s",
        "mem_limit": container.memory,
        **({"shm_size": container.shared_memory} if container.shared_memory else {}),
    }


def _confinement(process: Process) -> Service:
    confined: Service = {"security_opt": ["no-new-privileges:true"]}
    if process.kind != "postgres":  # its image starts as root and changes to its own user
        confined["cap_drop"] = ["ALL"]
    if process.kind in {"service", "task", "nginx"}:
        confined |= {"read_only": True, "tmpfs": ["/tmp"]}
    if process.kind == "nginx":
        confined["user"] = _EDGE_USER
    return confined
