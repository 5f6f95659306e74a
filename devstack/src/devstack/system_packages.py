"""Installs the programs that come from the system. Standard library only: runs before the rest."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PATH = f"{os.defpath}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin"


@dataclass(frozen=True, slots=True)
class SystemProgram:
    """A program and the package that brings it, by package manager."""

    program: str
    apt: str
    brew: str | None


PROGRAMS = (
    SystemProgram("ffmpeg", "ffmpeg", "ffmpeg"),
    SystemProgram("ffprobe", "ffmpeg", "ffmpeg"),
    SystemProgram("nginx", "nginx-light", "nginx"),
    SystemProgram("bwrap", "bubblewrap", None),  # Linux only
    SystemProgram("curl", "curl", "curl"),  # a public client of the tests
)


def missing_programs() -> list[SystemProgram]:
    wanted = [one for one in PROGRAMS if one.brew or sys.platform != "darwin"]
    return [one for one in wanted if not _find(one.program)]


def install_system_packages() -> str | None:
    """Installs what is missing; None when nothing is missing then, else the sentence to show."""
    missing = missing_programs()
    if not missing:
        return None
    steps = _steps(missing)
    names = ", ".join(one.program for one in missing)
    if steps is None:
        return f"{names} not installed: install with `{_by_hand(missing)}`, then start again"
    for step in steps:
        print(f"{names} not installed: {' '.join(step)}", flush=True)
        if subprocess.run(step, stdin=subprocess.DEVNULL, check=False).returncode != 0:
            return f"`{' '.join(step)}` failed; its output is above"
    if any(one.program == "nginx" for one in missing):
        _mention_system_nginx()
    return None


def apt_install(packages: list[str]) -> list[list[str]]:
    """The commands, without what only root may leave out."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    quiet = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    return [[*quiet, "update"], [*quiet, "install", "-y", "--no-install-recommends", *packages]]


def may_install() -> bool:
    """Whether packages can be installed without asking anybody anything."""
    if os.geteuid() == 0:
        return True
    sudo = _find("sudo")
    probe = [sudo or "", "-n", "true"]
    return (
        sudo is not None and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    )


def _steps(missing: list[SystemProgram]) -> list[list[str]] | None:
    if sys.platform == "darwin" and (brew := _find("brew")):
        return [[brew, "install", *_unique(one.brew for one in missing)]]
    if _find("apt-get") and may_install():
        return apt_install(_unique(one.apt for one in missing))
    return None


def _by_hand(missing: list[SystemProgram]) -> str:
    if sys.platform == "darwin":
        return f"brew install {' '.join(_unique(one.brew for one in missing))}"
    packages = " ".join(_unique(one.apt for one in missing))
    return f"sudo apt-get install --no-install-recommends {packages}"


def _unique(names: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))


def _find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=_PATH)


def _mention_system_nginx() -> None:
    if Path("/run/systemd/system").is_dir():
        print(
            "note: the nginx package may have started a server of its own on port 80; Reprise "
            "does not use it (`sudo systemctl disable --now nginx` turns it off)"
        )
