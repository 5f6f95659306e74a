"""The topology as typed values: what runs, where, with what, and who answers which path."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["kafka", "postgres", "s3", "nginx", "task", "service"]
Check = Literal["http", "kafka", "postgres", "tcp", "exit"]
Match = Literal["exact", "prefix", "pattern"]

INFRASTRUCTURE: frozenset[Kind] = frozenset({"kafka", "postgres", "s3"})


@dataclass(frozen=True, slots=True)
class Health:
    """How a process shows that it is ready.

    `http` asks `path` on the process's port for 200, `kafka` and `postgres` speak the protocol,
    `tcp` connects, `exit` waits for the end of a task and wants code 0. `timeout` in seconds.
    """

    check: Check
    path: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Stop:
    """The signal of a clean stop and how many seconds may pass before the process is killed."""

    signal: str
    grace: float


@dataclass(frozen=True, slots=True)
class Container:
    """What only a container needs to know; the rest comes from the process itself.

    `image` or `build` (a Dockerfile, context is the repository) is set, never both. `folder` is
    the mount point of the named volume. `environment` overrides the process's. `health` is the
    command of the check; empty = Python asks the process's own health path.
    """

    image: str | None
    build: str | None
    port: int
    ports: Mapping[str, int]
    folder: str | None
    memory: str
    shared_memory: str | None
    publish: bool
    environment: Mapping[str, str]
    health: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Process:
    """One row of the table. `port` and `ports` are offsets from the port base.

    `needs` names what must be ready (a task: finished) before. `properties` (Kafka), `options`
    (Postgres) and `arguments` (S3) go to the program as they are, references filled in.
    """

    name: str
    kind: Kind
    command: tuple[str, ...]
    port: int | None
    ports: Mapping[str, int]
    roles: tuple[str, ...]
    needs: tuple[str, ...]
    environment: Mapping[str, str]
    properties: Mapping[str, str]
    options: Mapping[str, str]
    arguments: tuple[str, ...]
    health: Health
    stop: Stop
    container: Container

    @property
    def all_ports(self) -> Mapping[str, int]:
        """Every port offset by name; the main one is called `main`."""
        own = {} if self.port is None else {"main": self.port}
        return {**own, **self.ports}


@dataclass(frozen=True, slots=True)
class Secret:
    """A value made on first start. `variable` is its name where an environment must carry it."""

    name: str
    variable: str
    form: Literal["plain", "ring"]


@dataclass(frozen=True, slots=True)
class Route:
    """A path the edge passes on. `hidden` paths are capabilities and never reach a log.

    `large_headers` are answers that may repeat all of a request's headers.
    """

    match: Match
    path: str
    to: str
    hidden: bool
    timeout: int
    large_headers: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole table; iteration order of `processes` is the order in the file.

    `trusted_proxies` are networks of proxies before the edge whose word on the scheme is taken.
    """

    port_base: int
    database: str
    secrets: Mapping[str, Secret]
    processes: Mapping[str, Process]
    routes: tuple[Route, ...]
    trusted_proxies: tuple[str, ...] = ()

    def edge(self) -> Process:
        """The one process every client talks to."""
        return next(p for p in self.processes.values() if p.kind == "nginx")

    def services(self) -> tuple[Process, ...]:
        """The processes that are ours and keep running."""
        return tuple(p for p in self.processes.values() if p.kind == "service")
