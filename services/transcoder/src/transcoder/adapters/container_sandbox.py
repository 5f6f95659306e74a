"""The weaker level: the container that the worker runs in, where user namespaces are forbidden."""

import ctypes
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from transcoder.domain.budget import Budget

_PR_SET_DUMPABLE = 4
_WALLS_OF_A_CONTAINER = (
    ("CapEff", {"0" * 16}, "it has capabilities"),
    ("NoNewPrivs", {"1"}, "it may gain privileges"),
    ("Seccomp", {"2"}, "no system call filter is active"),
)


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
        command = [*limits(budget), str(resolved(argv[0])), *argv[1:]]
        return await run_process(command, environment=ENVIRONMENT, wall=budget.wall_seconds)

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


def hide_environment() -> None:
    """Close this process's environment and memory to others of the same user; not to children."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise SandboxUnavailable(f"prctl: {os.strerror(ctypes.get_errno())}")
