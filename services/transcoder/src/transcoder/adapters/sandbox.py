"""Where hostile bytes are parsed: one program, one input file, no network, no secret, hard limits.

Levels (security.md 1): `bwrap` gives the program namespaces of its own; `container` relies on the
container the worker runs in and is refused when that does not look confined. Without either the
service does not start.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from common.errors import Unavailable
from transcoder.adapters.confined_process import Outcome
from transcoder.domain.budget import Budget

Level = Literal["bwrap", "container"]

# all that a program behind the walls gets of an environment
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


class SandboxUnavailable(Unavailable):
    """No sandbox is active, or it failed before the program inside was started."""

    default_code = "sandbox_unavailable"


@dataclass(frozen=True, slots=True)
class Inside:
    """Where the program finds its files: a path each, as seen from inside."""

    source: str
    output: str
    script: str


@dataclass(frozen=True, slots=True)
class Mounts:
    """The files of one run: one input, read only, and at most one directory that may be written.

    `script` is our own code, `trees` further read-only folders of the system (a Python outside of
    /usr).
    """

    source: Path
    output: Path | None = None
    script: Path | None = None
    trees: tuple[Path, ...] = ()


class Sandbox(Protocol):
    """Runs a program on one file. `level` says how strong the walls are."""

    @property
    def level(self) -> Level:
        """What the walls are made of."""
        ...

    def inside(self, mounts: Mounts) -> Inside:
        """The paths to put into the arguments."""
        ...

    async def run(self, argv: list[str], mounts: Mounts, budget: Budget) -> Outcome:
        """Run to the end, or to the end of the budget.

        Nothing of it is left running afterwards, however it ended.

        Raises SandboxUnavailable when the walls could not be put up: that is never the file's
        fault.
        """
        ...


def limits(budget: Budget) -> list[str]:
    """The kernel's limits, as the beginning of a command line that goes on with the program."""
    return [
        str(resolved("prlimit")),
        f"--as={budget.memory}",
        # soft below hard: SIGXCPU says what happened, SIGKILL would not
        f"--cpu={budget.cpu_seconds}:{budget.cpu_seconds + 5}",
        f"--fsize={budget.output}",
        "--nofile=128",
        "--core=0",
        "--",
    ]


def resolved(program: str) -> Path:
    """Where a program is; SandboxUnavailable, with the command that mends it, when it is not."""
    found = shutil.which(program)
    if found is None:
        raise SandboxUnavailable(f"{program} is not installed: apt-get install bubblewrap ffmpeg")
    return Path(found)
