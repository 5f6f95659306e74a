"""What runs, where it listens and what it weighs."""

import psutil
from rich.table import Table

from devstack.os_processes import Running
from devstack.stack import Stack
from devstack.supervised import Supervised


def status_table(stack: Stack) -> tuple[Table, bool]:
    """The table, and whether everything that should keep running is ready."""
    table = Table("process", "state", "pid", "port", "memory MiB", box=None, pad_edge=False)
    all_up = True
    for name, process in stack.topology.processes.items():
        if process.kind == "task":
            continue
        one = stack.supervised(name)
        running = one.running()
        state = _state(one, running)
        all_up = all_up and state == "ready"
        pid = str(running.pid) if running else "-"
        table.add_row(name, state, pid, str(stack.port(name)), _memory(running))
    return table, all_up


def _state(one: Supervised, running: Running | None) -> str:
    if running is None:
        return "down"
    try:
        return "ready" if one.program.ready() else "not ready"
    except OSError:
        return "not ready"


def _memory(running: Running | None) -> str:
    """The proportional share of the process and its children; plain residence where unknown."""
    if running is None:
        return "-"
    try:
        leader = psutil.Process(running.pid)
        family = [leader, *leader.children(recursive=True)]
        total = sum(_size(one) for one in family)
    except psutil.Error:
        return "-"
    return f"{total / 2**20:.0f}"


def _size(process: psutil.Process) -> int:
    full = process.memory_full_info()
    return int(getattr(full, "pss", full.rss))
