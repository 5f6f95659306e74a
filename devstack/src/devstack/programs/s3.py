"""versitygw: an S3 server over a folder that verifies every signature."""

from dataclasses import dataclass

from devstack.checks import http_answers
from devstack.os_processes import Launch
from devstack.programs.program import Site


@dataclass(frozen=True, slots=True)
class S3Server:
    """The folder is handed over as an absolute path: the server changes its directory."""

    site: Site

    def prepare(self) -> Launch:
        data = self.site.place.data(self.site.process.name)
        data.mkdir(parents=True, exist_ok=True)
        arguments = [self.site.fill(argument) for argument in self.site.process.arguments]
        argv = [str(self.site.tools.versitygw()), *arguments]
        return Launch(argv, self.site.environment(), data)

    def ready(self) -> bool:
        return http_answers(self.site.port(), self.site.process.health.path)
