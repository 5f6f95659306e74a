"""Ceph's programs, unpacked from Debian's packages into the cache: nothing is installed."""

import os
import subprocess
from pathlib import Path

from devstack.cache import build_once
from devstack.errors import DevstackError
from devstack.toolbox import Toolbox

PACKAGES = ("radosgw", "ceph-mon", "ceph-osd")
_TIMEOUT = 600  # seconds; some 70 MB


def ceph_folder(tools: Toolbox) -> Path:
    """Where the programs lie; fetched when they are not there yet. Debian and its kin only."""
    folder = tools.settings.cache() / "ceph-16"
    build_once(folder, _fetch)
    return folder


def _fetch(folder: Path) -> None:
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    wanted = ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", *PACKAGES]
    options = ["install", "-y", "--no-install-recommends", "--download-only"]
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    if os.geteuid() == 0:
        _run([*quiet, "update"])
    _run([*quiet, *options, *wanted])
    for package in sorted(archives.glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(folder)])
        package.unlink()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    if done.returncode != 0:
        raise DevstackError(f"`{' '.join(command[:3])} …` failed: {done.stderr.strip()[-500:]}")
