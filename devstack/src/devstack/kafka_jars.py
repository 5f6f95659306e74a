"""Puts Kafka's jars into the user's cache folder, once per version and byte for byte as pinned."""

import hashlib
import shutil
from pathlib import Path

import jgo

from devstack.cache import build_once
from devstack.errors import DevstackError
from devstack.toolbox import KAFKA_VERSION, Toolbox

# Exactly one slf4j binding on the class path: the simple one is the quickest to start.
_COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_DIGESTS = Path(__file__).with_name("kafka_jars.sha256")


def install_kafka_jars(tools: Toolbox) -> None:
    build_once(tools.kafka_folder(), _collect)


def _collect(folder: Path) -> None:
    # The resolver's own list: jars lie in two folders, and their order is part of the cache key.
    jars = jgo.build(_COORDINATES, cache_dir=folder / "resolver").all_jars
    (folder / "jars").mkdir()
    for jar in jars:
        shutil.copy2(jar, folder / "jars" / jar.name)
    shutil.rmtree(folder / "resolver")
    verify_jars(folder / "jars", _DIGESTS)
    (folder / "classpath.txt").write_text("".join(f"{jar.name}\n" for jar in jars))


def verify_jars(folder: Path, digests: Path) -> None:
    """Raises unless the folder holds the pinned jars and nothing else."""
    pinned: dict[str, str] = {}
    for line in digests.read_text().splitlines():
        digest, name = line.split()
        pinned[name] = digest
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.iterdir()}
    wrong = sorted(name for name in pinned | found if pinned.get(name) != found.get(name))
    if wrong:
        raise DevstackError(f"these jars differ from {digests.name}: {', '.join(wrong)}")
