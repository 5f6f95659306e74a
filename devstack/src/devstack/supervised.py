"""One process of a running stack: starts it, waits for it, ends it, remembers it in a pid file."""

import contextlib
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from devstack.errors import DevstackError
from devstack.os_processes import (
    Running,
    kill_group,
    launch,
    load_running,
    send,
    wait_gone,
    wait_group_gone,
)
from devstack.ports import demand_free
from devstack.programs.program import Program, Site

_POLL = 0.03
_LOG_LIMIT = 20 * 2**20


@dataclass(slots=True)
class Supervised:
    """What the stack does with one process; the pid file makes it work from any later command."""

    site: Site
    program: Program
    cancelled: threading.Event
    _child: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def name(self) -> str:
        return self.site.process.name

    @property
    def log(self) -> Path:
        return self.site.place.log(self.name)

    def running(self) -> Running | None:
        """The process if it lives; a stale pid file counts as nothing."""
        self._reap()
        running = load_running(self._pid_file)
        return running if running is not None and running.alive() else None

    def exit_code(self) -> int | None:
        """How the last run ended; None while it lives or when another program started it."""
        return None if self._child is None else self._child.poll()

    def start(self) -> None:
        """Starts it and returns at once. An occupied port raises the sentence that says whose."""
        self.stop()  # what a killed leader left behind
        if self._pid_file.exists():
            raise DevstackError(f"{self.name}: processes of its last run do not end")
        for port in self.site.process.all_ports:
            demand_free(self.name, self.site.port(port))
        what = self.program.prepare()
        self._rotate_log()
        self._child, running = launch(what, self.log)
        running.save(self._pid_file)

    def wait_ready(self) -> None:
        """Returns when it answers (a task: when it ended well), else raises with the log's end."""
        limit = self.site.process.health.timeout
        deadline = time.monotonic() + limit
        while not self._settled():
            if self.cancelled.is_set():
                raise DevstackError(f"{self.name}: start was interrupted")
            if time.monotonic() > deadline:
                raise DevstackError(f"{self.name} is not ready after {limit} s; {self._log_end()}")
            time.sleep(_POLL)

    def stop(self) -> None:
        """A clean end within the grace, then a kill; nothing of its group survives."""
        running = load_running(self._pid_file)
        if running is None:
            return
        stop = self.site.process.stop
        send(running, signal.Signals[f"SIG{stop.signal}"])
        self._wait_gone(running, stop.grace)
        kill_group(running)
        self._wait_gone(running, 10)
        if wait_group_gone(running, 10):
            self._pid_file.unlink(missing_ok=True)

    def kill(self, number: signal.Signals) -> None:
        """Sends a signal to the process; SIGKILL takes its whole group and waits for the end."""
        running = self.running()
        if running is None:
            raise DevstackError(f"{self.name} is not running")
        if number == signal.SIGKILL:
            kill_group(running)
            self._wait_gone(running, 10)
        else:
            send(running, number)

    @property
    def _pid_file(self) -> Path:
        return self.site.place.run() / f"{self.name}.json"

    def _settled(self) -> bool:
        running = self.running()  # before its code: it may end between the two
        ended = None if self._child is None else self._child.poll()
        if self.site.process.health.check == "exit" and ended == 0:
            self._pid_file.unlink(missing_ok=True)
            return True
        if ended is not None or running is None:
            raise DevstackError(f"{self.name} ended with code {ended}; {self._log_end()}")
        try:
            return self.program.ready()
        except OSError:
            return False

    def _wait_gone(self, running: Running, seconds: float) -> None:
        """Waits for the end; as the parent for the very end, after the last thread."""
        if self._child is None or self._child.pid != running.pid:
            wait_gone(running, seconds)
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)

    def _reap(self) -> None:
        if self._child is not None:
            self._child.poll()

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _log_end(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        end = "\n".join(text.splitlines()[-15:])
        return f"its log {self.log} ends:\n{end}"
