"""PostgreSQL from the Python package's binaries, with passwords even on loopback."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevstackError
from devstack.os_processes import Launch, end_all_in, start_mark
from devstack.programs.program import Site
from devstack.secret_store import write_private


@dataclass(frozen=True, slots=True)
class Postgres:
    """Initialises its folder once and creates the one database; roles and schemas are setup's."""

    site: Site

    def prepare(self) -> Launch:
        data = self.site.place.data(self.site.process.name)
        if not (data / "PG_VERSION").exists():
            self._initialise(data)
        _forget_dead_server(data)
        options = [f"--{key}={self.site.fill(v)}" for key, v in self.site.process.options.items()]
        options.append("--unix_socket_directories=")  # their paths have 107 bytes at most
        argv = [self._program("postgres"), "-D", str(data), "-p", str(self.site.port()), *options]
        return Launch(self.site.tools.as_plain_user(argv), self.site.environment(), data)

    def ready(self) -> bool:
        database = self.site.topology.database
        answer = self._ask(database, "select 1")
        if f'database "{database}" does not exist' in answer.stderr:
            answer = self._ask("postgres", f"create database {database}")
        return answer.returncode == 0

    def _initialise(self, data: Path) -> None:
        data.parent.mkdir(parents=True, exist_ok=True)
        password = data.parent / ".postgres-password"
        write_private(password, self.site.place.secret("postgres-admin"))
        argv = [
            self._program("initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8", "--no-sync",
            "-A", "scram-sha-256", f"--pwfile={password}", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        ]  # fmt: skip
        try:
            done = self._run(self.site.tools.as_plain_user(argv), {})
        finally:
            password.unlink()
        if done.returncode != 0:
            raise DevstackError(f"initdb failed: {done.stderr.strip()[-800:]}")

    def _ask(self, database: str, sql: str) -> "subprocess.CompletedProcess[str]":
        target = f"postgresql://postgres@127.0.0.1:{self.site.port()}/{database}"
        secret = {"PGPASSWORD": self.site.place.secret("postgres-admin"), "PGCONNECT_TIMEOUT": "5"}
        return self._run([self._program("psql"), target, "-XAtc", sql], secret)

    def _run(self, argv: list[str], extra: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        environment = {**self.site.environment(), **extra}
        return subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def _program(self, name: str) -> str:
        return str(self.site.tools.postgres(name))


def _forget_dead_server(data: Path) -> None:
    """Removes what a server that was killed left behind: its children and its lock.

    The children lead groups of their own, so a kill of the server's group spares them. They end as
    soon as they miss it, which takes a slow disk seconds; until then they hold the shared memory
    that the next server asks for. The lock names a number, and the server itself asks only whether
    that is in use: a zombie that nobody has reaped would keep it from starting.
    """
    lock = data / "postmaster.pid"
    if lock.exists() and start_mark(int(lock.read_text().split()[0])) is None:
        end_all_in(data)
        lock.unlink()
