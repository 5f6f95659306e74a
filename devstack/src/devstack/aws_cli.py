"""The AWS command line client in a folder of its own: its pins are not the project's."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.bootstrap import DEV

AWSCLI = "awscli==1.46.3"


def aws(env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run it against the store of a stack (`env` is what `.dev/env` says); what it printed."""
    keys = {
        "PATH": "/usr/bin:/bin",
        "AWS_REGION": env["MEDIA_S3_REGION"],
        "AWS_ACCESS_KEY_ID": env["MEDIA_S3_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": env["MEDIA_S3_SECRET_ACCESS_KEY"],
    }
    command = [str(_program()), *arguments, "--endpoint-url", env["MEDIA_S3_ENDPOINT"]]
    return subprocess.run(command, env=keys, check=True, timeout=300, capture_output=True)


def install_aws() -> None:
    """Fetch it unless it is there, so that no figure has that in it."""
    _program()


def _program() -> Path:
    home = DEV / "tools" / AWSCLI
    program = home / "bin" / "aws"
    if not program.exists():
        uv = DEV / "uv" / "bin" / "uv"
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, home], check=True)
        python = home / "bin" / "python"
        subprocess.run([uv, "pip", "install", "-q", "--python", python, AWSCLI], check=True)
    return program
