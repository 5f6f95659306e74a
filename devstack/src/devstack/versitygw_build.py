"""Builds the S3 server from its pinned module, with the system's Go or a Python package's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from devstack.cache import build_once
from devstack.errors import DevstackError
from devstack.toolbox import VERSITYGW_VERSION, Toolbox

_MODULE = f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW_VERSION}"
_OLDEST_GO = (1, 25)


def install_versitygw(tools: Toolbox) -> None:
    """Takes 3 minutes on two cores the first time; the module proxy checks the sums."""
    build_once(tools.versitygw_path().parent, lambda folder: _build(tools, folder))


def _build(tools: Toolbox, folder: Path) -> None:
    go = _system_go(tools) or str(Path(sys.executable).parent / "go")
    # `env` adds to what the caller has: proxies and Go's own settings stay in force.
    settings = ["env", f"GOBIN={folder}", "GOTOOLCHAIN=local", "CGO_ENABLED=0"]
    done = subprocess.run(
        [*settings, go, "install", "-trimpath", "-ldflags=-s -w", _MODULE],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    if done.returncode != 0:
        raise DevstackError(f"the S3 server did not build: {done.stderr.strip()[-800:]}")


def _system_go(tools: Toolbox) -> str | None:
    go = shutil.which("go", path=tools.settings.path)
    if go is None:
        return None
    version = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, timeout=30
    ).stdout
    found = re.match(r"go(\d+)\.(\d+)", version)
    return go if found and (int(found[1]), int(found[2])) >= _OLDEST_GO else None
