"""The operator's command as a program of its own, in the environment of the running system."""

import json
import subprocess
import sys
from typing import Any

from devstack.stack import Stack


def reprise(stack: Stack, *arguments: str, status: int = 0, **changes: str) -> str:
    """What it printed; fails with everything it said when it ends otherwise.

    `changes` are of its environment.
    """
    done = subprocess.run(
        [sys.executable, "-c", "from reprise_cli.main import main; main()", *arguments],
        env=stack.environment("setup") | {"USER": "ada"} | changes,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def reprise_json(stack: Stack, *arguments: str, status: int = 0) -> Any:
    return json.loads(reprise(stack, *arguments, "--json", status=status))
