"""The project's own programs: the five services and the one-shot setup."""

import sys
from dataclasses import dataclass
from pathlib import Path

from devstack.checks import http_answers, tcp_answers
from devstack.os_processes import Launch
from devstack.programs.program import Site


@dataclass(frozen=True, slots=True)
class PythonProgram:
    """Runs in the interpreter devstack itself runs in, with the topology's environment alone."""

    site: Site

    def prepare(self) -> Launch:
        data = self.site.place.data(self.site.process.name)
        first, *rest = self.site.process.command
        return Launch([self._resolve(first), *rest], self.site.environment(), data)

    def ready(self) -> bool:
        health = self.site.process.health
        if health.check == "http":
            return http_answers(self.site.port(), health.path)
        return health.check == "tcp" and tcp_answers(self.site.port())

    def _resolve(self, name: str) -> str:
        if name == "python":
            return sys.executable
        script = Path(sys.executable).parent / name
        return str(script) if script.exists() else self.site.tools.program(name)
