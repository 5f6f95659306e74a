"""From nothing but git, make and Python to a working copy that runs. Standard library only."""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which

from devstack.system_packages import apt_install, install_system_packages, may_install

ROOT = Path(__file__).resolve().parents[3]
DEV = ROOT / ".dev"
_UV_PINS = ROOT / "requirements" / "uv.txt"
_UV_PROGRAM = DEV / "uv" / "bin" / "uv"
_MEMBERS = ("libs/common", "services/*", "cli", "devstack")


def main() -> int:
    """Python packages, then broker and store, while the system's packages install beside."""
    problem = _make_uv()
    if not problem:
        with ThreadPoolExecutor(2) as pool:
            system = pool.submit(install_system_packages)
            ours = pool.submit(_install_ours)
            problem = ours.result() or system.result()
    if problem:
        print(f"reprise: {problem}", file=sys.stderr)
    return 1 if problem else 0


def _make_uv() -> str | None:
    """Install uv by pip inside a venv of its own: many systems refuse pip outside of one."""
    if _UV_PROGRAM.exists():
        return None
    if _venv_with_pip() != 0:
        if not which("apt-get") or not may_install():
            return "Python cannot make a venv: run `sudo apt-get install python3-venv`"
        for step in apt_install(["python3-venv"]):
            _run(step)
        if _venv_with_pip() != 0:
            return "Python cannot make a venv; its output is above"
    pip = [str(_UV_PROGRAM.with_name("python")), "-m", "pip", "install", "-q"]
    pip += ["--disable-pip-version-check", "--require-hashes", "-r", str(_UV_PINS)]
    return None if _run(pip) == 0 else "uv could not be installed; pip's output is above"


def _install_ours() -> str | None:
    uv = str(_UV_PROGRAM)
    python = DEV / "venv" / "bin" / "python"
    members = [folder for pattern in _MEMBERS for folder in sorted(ROOT.glob(pattern))]
    editable = [word for folder in members for word in ("-e", str(folder))]
    into = [uv, "pip", "install", "-q", "--python", str(python)]
    steps: list[list[str]] = [
        [uv, "venv", "-q", "--allow-existing", "--python", sys.executable, str(DEV / "venv")],
        [*into, "--require-hashes", "-r", str(ROOT / "requirements" / "dev.txt")],
        # a second command: the members' build needs uv-build, which the first one brought
        [*into, "--no-deps", "--no-build-isolation", *editable],
        [str(python), "-m", "devstack", "install", "--cache-only"],
    ]
    for step in steps:
        if _run(step) != 0:
            return f"`{' '.join(step)}` failed; its output is above"
    return None


def _venv_with_pip() -> int:
    return _run([sys.executable, "-m", "venv", "--clear", str(_UV_PROGRAM.parents[1])])


def _run(step: Sequence[str]) -> int:
    return subprocess.run(step, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
