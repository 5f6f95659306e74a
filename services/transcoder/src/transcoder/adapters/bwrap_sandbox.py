"""The walls of bubblewrap: what a program inside sees is listed here and nowhere else."""

from dataclasses import dataclass
from pathlib import Path

from transcoder.adapters.confined_process import Outcome, run_process
from transcoder.adapters.sandbox import (
    ENVIRONMENT,
    Inside,
    Level,
    Mounts,
    SandboxUnavailable,
    limits,
    resolved,
)
from transcoder.domain.budget import MIB, Budget

_TMP_SIZE = 64 * MIB
_NOBODY = "65534"


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
        program = resolved(argv[0])
        walls = [str(resolved(self.bwrap)), *_walls(), *_mounts(mounts, program)]
        command = [*limits(budget), *walls, "--", str(program), *argv[1:]]
        outcome = await run_process(command, environment=ENVIRONMENT, wall=budget.wall_seconds)
        if outcome.status == 1 and outcome.stderr.startswith("bwrap: "):
            raise SandboxUnavailable(outcome.stderr.splitlines()[0])
        return outcome


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
