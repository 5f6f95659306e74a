"""Trains the Java cache that halves Kafka's start; done at install, not in anybody's first run."""

import shutil
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from devstack.errors import DevstackError
from devstack.local_place import LocalPlace
from devstack.os_processes import Launch
from devstack.ports import FreePorts
from devstack.programs.kafka import Kafka, java_command
from devstack.programs.program import Site
from devstack.supervised import Supervised
from devstack.toolbox import Toolbox
from devstack.topology import Stop, Topology


@dataclass(frozen=True, slots=True)
class _Training:
    """Kafka, but Java watches which classes it loads and writes them down at a clean end."""

    kafka: Kafka
    output: Path

    def prepare(self) -> Launch:
        plain = self.kafka.prepare()
        command = java_command(self.kafka.site.tools, f"-XX:AOTCacheOutput={self.output}")
        return replace(plain, argv=[*command, *plain.argv[-2:]])

    def ready(self) -> bool:
        return self.kafka.ready()


def train_java_cache(topology: Topology, tools: Toolbox) -> bool:
    """Runs a throw-away broker once, about 13 s; False when the cache was there already."""
    target = tools.java_cache()
    if target.exists():
        return False
    # Writing the cache happens at the end of the process and takes its time.
    kafka = replace(topology.processes["kafka"], stop=Stop("TERM", 120))
    ports = FreePorts(kafka.all_ports.values())
    home = Path(tempfile.mkdtemp(prefix="reprise-training-"))
    draft = target.with_suffix(".draft")
    try:
        site = Site(topology, kafka, LocalPlace(topology, home, ports.base), tools)
        one = Supervised(site, _Training(Kafka(site), draft), threading.Event())
        try:
            one.start()
            one.wait_ready()
        finally:
            one.stop()
        if not draft.exists():
            raise DevstackError(f"Java wrote no cache: {one.log.read_text()[-800:]}")
        draft.rename(target)
    finally:
        ports.release()
        shutil.rmtree(home, ignore_errors=True)
    return True
