"""What a process says of itself on its internal port, and what it weighs."""

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from devstack.stack import Stack


def sample(stack: Stack, name: str, metric: str) -> float:
    """The sum of a metric's samples; 0 when the process has none."""
    address = f"http://127.0.0.1:{stack.port(name)}/metrics"
    text = httpx.get(address, timeout=10).text
    return sum(
        one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name == metric
    )


def weight(stack: Stack, name: str) -> float:
    """MiB that are this process's share of the machine's memory (PSS)."""
    running = stack.supervised(name).running()
    assert running is not None, f"{name} does not run"
    rollup = Path(f"/proc/{running.pid}/smaps_rollup").read_text()
    (line,) = [line for line in rollup.splitlines() if line.startswith("Pss:")]
    return int(line.split()[1]) / 1024
