"""Where hostile bytes are parsed: one program, one input file, no network, no secret, hard limits.

Levels (security.md 1): `bwrap` gives the program namespaces of its own; `container` relies on the
container the worker runs in and is refused when that does not look confined. Without either the
service does not start.
"""

import ctypes
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from common.errors import Unavailable
from transcoder.adapters.confined_process import Outcome, run_process
from transcoder.domain.budget import MIB, PROBE, Budget

Level = Literal["bwrap", "container"]
_PATH = "/usr/local/bin:/usr/bin:/bin"
_TMP_SIZE = 64 * MIB
_NOBODY = "65534"
_PR_SET_DUMPABLE = 4


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


@dataclass(frozen=True, slots=True)
class BwrapSandbox:
    """Bubblewrap: own user, process, network, mount and IPC namespaces, an empty environment.

    No capability.
    """

    bwrap: str = "bwrap"
    level: Level = "bwrap"

    def inside(self, mounts: Mounts) -> Inside:
        return Inside(source="/in/source", output="/out", script="/in/script.py")

    async def run(self, argv: list[str], mounts: Mounts, budget: Budget) -> Outcome:
        program = _resolved(argv[0])
        walls = [str(_resolved(self.bwrap)), *_walls(), *_mounts(mounts, program)]
        command = [*_limits(budget), *walls, "--", str(program), *argv[1:]]
        outcome = await run_process(command, environment={"PATH": _PATH}, wall=budget.wall_seconds)
        if outcome.status == 1 and outcome.stderr.startswith("bwrap: "):
            raise SandboxUnavailable(outcome.stderr.splitlines()[0])
        return outcome


def _status_of_this_process() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@dataclass(frozen=True, slots=True)
class ContainerSandbox:
    """The container itself is the wall.

    An empty environment and the same limits, and nothing else.
    """

    level: Level = "container"
    facts: Mapping[str, str] = field(default_factory=_status_of_this_process)

    def inside(self, mounts: Mounts) -> Inside:
        return Inside(str(mounts.source), str(mounts.output), str(mounts.script))

    async def run(self, argv: list[str], mounts: Mounts, budget: Budget) -> Outcome:
        command = [*_limits(budget), str(_resolved(argv[0])), *argv[1:]]
        return await run_process(command, environment={"PATH": _PATH}, wall=budget.wall_seconds)

    def require_walls(self) -> None:
        """Refuse a place that is no sandbox.

        Root, capabilities, a way to gain privileges, or no system call filter.
        """
        missing = [
            sentence
            for name, wanted, sentence in _WALLS_OF_A_CONTAINER
            if self.facts.get(name, "").split("\t")[0] not in wanted
        ]
        if self.facts.get("Uid", "0").split("\t")[0] == "0":
            missing.append("it runs as root")
        if missing:
            raise SandboxUnavailable(f"this is no sandbox: {', '.join(missing)}")


_WALLS_OF_A_CONTAINER = (
    ("CapEff", {"0" * 16}, "it has capabilities"),
    ("NoNewPrivs", {"1"}, "it may gain privileges"),
    ("Seccomp", {"2"}, "no system call filter is active"),
)


async def open_sandbox(level: Level, ffmpeg: str) -> tuple[Sandbox, str]:
    """The sandbox that was asked for, proven by running the encoder in it.

    And the encoder's version.

    Raises SandboxUnavailable; there is no level below and no way to go on without.
    """
    sandbox: Sandbox = BwrapSandbox()
    if level == "container":
        container = ContainerSandbox()
        container.require_walls()
        hide_environment()
        sandbox = container
    mounts = Mounts(source=Path("/dev/null"))
    outcome = await sandbox.run([ffmpeg, "-hide_banner", "-version"], mounts, PROBE)
    if outcome.status != 0:
        raise SandboxUnavailable(f"the encoder does not start in the sandbox: {outcome.stderr}")
    return sandbox, outcome.stdout.decode("utf-8", "replace").split(" ", 3)[2]


def hide_environment() -> None:
    """Close this process's environment and memory to others of the same user; not to children."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise SandboxUnavailable(f"prctl: {os.strerror(ctypes.get_errno())}")


def _walls() -> list[str]:
    # no /proc and no /dev: nothing that runs here needs them. Never --as-pid-1 (it ignores
    # SIGXFSZ), and never --clearenv instead of an empty environment (bwrap's own would stay
    # readable inside)
    flags = [
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--hostname",
        "sandbox",
    ]
    flags += ["--uid", _NOBODY, "--gid", _NOBODY, "--ro-bind", "/usr", "/usr"]
    flags += ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]
    for link in ("/bin", "/lib", "/lib64"):
        if Path(link).is_symlink():
            flags += ["--symlink", str(Path(link).readlink()), link]
        elif Path(link).is_dir():
            flags += ["--ro-bind", link, link]
    return [*flags, "--size", str(_TMP_SIZE), "--tmpfs", "/tmp", "--chdir", "/tmp"]  # noqa: S108


def _mounts(mounts: Mounts, program: Path) -> list[str]:
    flags = ["--ro-bind", str(mounts.source), "/in/source"]
    seen_trees = [Path("/usr")]
    for tree in (*mounts.trees, program):
        if not any(tree.is_relative_to(seen) for seen in seen_trees):
            flags += ["--ro-bind", str(tree), str(tree)]
            seen_trees.append(tree)
    if mounts.script is not None:
        flags += ["--ro-bind", str(mounts.script), "/in/script.py"]
    if mounts.output is not None:
        flags += ["--bind", str(mounts.output), "/out"]
    return flags


def _limits(budget: Budget) -> list[str]:
    return [
        str(_resolved("prlimit")),
        f"--as={budget.memory}",
        # soft below hard: SIGXCPU says what happened, SIGKILL would not
        f"--cpu={budget.cpu_seconds}:{budget.cpu_seconds + 5}",
        f"--fsize={budget.output}",
        "--nofile=128",
        "--core=0",
        "--",
    ]


def _resolved(program: str) -> Path:
    found = shutil.which(program)
    if found is None:
        raise SandboxUnavailable(f"{program} is not installed: apt-get install bubblewrap ffmpeg")
    return Path(found)
