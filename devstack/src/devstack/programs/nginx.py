"""nginx as the one origin; its configuration is written from the routes at each start."""

from dataclasses import dataclass

from devstack.checks import http_answers
from devstack.nginx_config import LocalPaths, render_local
from devstack.os_processes import Launch
from devstack.programs.program import Site


@dataclass(frozen=True, slots=True)
class Nginx:
    """Everything it writes lies in the stack's own folder."""

    site: Site

    def prepare(self) -> Launch:
        name = self.site.process.name
        folder, data = self.site.place.conf(name), self.site.place.data(name)
        folder.mkdir(parents=True, exist_ok=True)
        data.mkdir(parents=True, exist_ok=True)
        paths = LocalPaths(data, self.site.place.log(f"{name}-access"))
        config = folder / "nginx.conf"
        config.write_text(render_local(self.site.topology, self.site.place, paths))
        argv = [self.site.tools.nginx(), "-p", str(data), "-c", str(config), "-e", "stderr"]
        return Launch(self.site.tools.as_plain_user(argv), self.site.environment(), data)

    def ready(self) -> bool:
        return http_answers(self.site.port(), self.site.process.health.path)
