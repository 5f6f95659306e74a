"""The running system: starts, stops and inspects the processes of the topology under one folder."""

import contextlib
import fcntl
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from devstack.environment_file import shell_values, write_environment_file
from devstack.errors import DevstackError
from devstack.local_place import LocalPlace
from devstack.ordering import layers
from devstack.os_processes import load_running
from devstack.programs.kinds import program_of
from devstack.programs.program import Site
from devstack.references import fill_all
from devstack.settings import DevstackSettings, read_settings
from devstack.supervised import Supervised
from devstack.toolbox import Toolbox
from devstack.topology import INFRASTRUCTURE, Process, Topology

Overrides = Mapping[str, Mapping[str, str]]


class Stack:
    """The processes of one folder (`home`): data, logs, secrets and process ids all lie there.

    Two stacks with different homes and port bases do not know of each other. Every method works
    from another program than the one that started the stack. `overrides` adds environment
    variables to named processes; references are filled in.
    """

    def __init__(
        self,
        topology: Topology,
        home: Path,
        port_base: int | None = None,
        overrides: Overrides | None = None,
        settings: DevstackSettings | None = None,
    ) -> None:
        self.topology = topology
        self.home = home.resolve()
        tools = Toolbox(settings or read_settings())
        in_use = _base_in_use(self.home / "run")
        base = port_base or tools.settings.port_base or in_use or topology.port_base
        self.place = LocalPlace(topology, self.home, in_use or base)
        self._wanted_base = base
        self._cancelled = threading.Event()
        self._tools = tools
        self._overrides = overrides or {}
        self._processes: dict[str, Supervised] = {}
        for name in topology.processes:
            self.configure(name, {})

    def configure(self, name: str, extra: Mapping[str, str]) -> None:
        """Adds to the environment a process gets at its next start; an empty mapping undoes it.

        The stack's own overrides stay.
        """
        process = self.topology.processes[name]
        environment = {**process.environment, **self._overrides.get(name, {}), **extra}
        changed = replace(process, environment=environment)
        site = Site(self.topology, changed, self.place, self._tools)
        if name in self._processes:
            self._processes[name].site = site
            self._processes[name].program = program_of(site)
        else:
            self._processes[name] = Supervised(site, program_of(site), self._cancelled)

    def infrastructure(self) -> list[str]:
        """Broker, database and store: what integration tests need."""
        return [p.name for p in self.topology.processes.values() if p.kind in INFRASTRUCTURE]

    def start(
        self,
        only: Collection[str] | None = None,
        report: Callable[[str], None] = lambda _name: None,
    ) -> list[str]:
        """Starts what does not run yet, waits until all of it is ready, returns what was started.

        When one fails or the caller interrupts, what this call started is stopped again.
        `report` gets the name of each process as it becomes ready.
        """
        names = list(self.topology.processes) if only is None else list(only)
        with self._exclusive():
            missing = self._missing(names)
            self._demand_same_base(missing)
            try:
                for layer in layers(self.topology, missing):
                    self._together(layer, lambda one: self._bring_up(one, report))
            except BaseException:
                self._cancelled.set()
                self._take_down(missing)
                raise
            finally:
                self._cancelled.clear()
            write_environment_file(self)
        return missing

    def stop(self) -> list[str]:
        """Stops everything in reverse order; returns what was running. Nothing may be left."""
        with self._exclusive():
            running = [name for name, one in self._processes.items() if one.running()]
            self._take_down(self._processes)
            for stale in (self.place.run() / "base", self.home / "env"):
                stale.unlink(missing_ok=True)
        return running

    def start_process(self, name: str) -> None:
        """Starts one process, for instance one that was killed, and waits until it is ready."""
        one = self.supervised(name)
        if one.running():
            raise DevstackError(f"{name} is already running")
        one.start()
        one.wait_ready()
        write_environment_file(self)

    def stop_process(self, name: str) -> None:
        self.supervised(name).stop()

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        self.supervised(name).kill(number)

    def wait_ready(self, name: str) -> None:
        self.supervised(name).wait_ready()

    def supervised(self, name: str) -> Supervised:
        if name not in self._processes:
            raise DevstackError(f"no process {name!r}; there are {', '.join(self._processes)}")
        return self._processes[name]

    def port(self, name: str, which: str = "main") -> int:
        return self.place.port(self.topology.processes[name], which)

    def environment(self, name: str) -> dict[str, str]:
        """The environment the topology gives a process, without the caller's PATH and HOME."""
        process = self.supervised(name).site.process
        return fill_all(self.topology, self.place, process, process.environment)

    @property
    def env(self) -> dict[str, str]:
        """What `.dev/env` says: addresses, keys, tokens."""
        return shell_values(self)

    def _bring_up(self, process: Process, report: Callable[[str], None]) -> None:
        one = self._processes[process.name]
        one.start()
        one.wait_ready()
        report(process.name)

    def _take_down(self, names: Collection[str]) -> None:
        for layer in reversed(layers(self.topology, names)):
            self._together(layer, lambda one: self._processes[one.name].stop())

    def _together(self, layer: list[Process], action: Callable[[Process], None]) -> None:
        with ThreadPoolExecutor(len(layer)) as pool:
            pending = [pool.submit(action, process) for process in layer]
            try:
                for one in pending:
                    one.result()
            except BaseException:
                self._cancelled.set()
                raise

    def _missing(self, names: Collection[str]) -> list[str]:
        down = [name for name in names if not self.supervised(name).running()]
        tasks = {n for n in down if self.topology.processes[n].kind == "task"}
        return [] if set(down) == tasks and len(down) < len(names) else down

    def _demand_same_base(self, starting: list[str]) -> None:
        if starting and self.place.port_base != self._wanted_base:
            raise DevstackError(
                f"{self.home} already runs at port {self.place.port_base}: run `make down` first"
            )
        if starting:
            (self.place.run() / "base").write_text(str(self.place.port_base))

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)  # private media, tokens and keys lie below
        self.place.run().mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise DevstackError(f"another command works on {self.home}: wait for it") from error
            yield


def _base_in_use(run: Path) -> int | None:
    """The port base of what runs in this folder now, whoever started it."""
    found = [load_running(path) for path in run.glob("*.json")]
    if not any(one is not None and one.alive() for one in found):
        return None
    return int((run / "base").read_text())
