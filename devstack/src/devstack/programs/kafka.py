"""Apache Kafka as one KRaft node in a plain Java process."""

import base64
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devstack.checks import kafka_answers
from devstack.errors import DevstackError
from devstack.os_processes import Launch
from devstack.programs.program import Site
from devstack.toolbox import Toolbox

# A small heap and the first compiler only: a development broker wants a quick start.
_JVM = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


@dataclass(frozen=True, slots=True)
class Kafka:
    """Formats its folder once; keeps every record and offset over a kill."""

    site: Site

    def prepare(self) -> Launch:
        properties = self._write_properties()
        data = self.site.place.data(self.site.process.name)
        if not (data / "meta.properties").exists():
            _format(self.site, properties)
        argv = [*java_command(self.site.tools), "kafka.Kafka", str(properties)]
        return Launch(argv, self.site.environment(), data)

    def ready(self) -> bool:
        return kafka_answers(self.site.port())

    def _write_properties(self) -> Path:
        path = self.site.place.conf(self.site.process.name) / "server.properties"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = self.site.process.properties.items()
        path.write_text("".join(f"{key}={self.site.fill(value)}\n" for key, value in values))
        return path


def java_command(tools: Toolbox, *options: str) -> list[str]:
    """Java with Kafka's class path; uses the trained cache unless `options` say otherwise."""
    cache = tools.java_cache()
    trained = [f"-XX:AOTCache={cache}"] if cache.exists() and not options else []
    jars = ":".join(str(jar) for jar in tools.kafka_jars())
    return [str(tools.java()), *_JVM, *trained, *options, "-cp", jars]


def _format(site: Site, properties: Path) -> None:
    cluster = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    storage = [
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={cluster}",
        "-c",
        str(properties),
    ]
    done = subprocess.run(
        [*java_command(site.tools), *storage, "--ignore-formatted"],
        env=site.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        raise DevstackError(f"Kafka could not format its folder: {done.stderr.strip()[-800:]}")
