"""Bars for those who watch a command: how much, how fast, how long still."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from common.clock import Clock, SystemClock

Report = Callable[[int, int], None]
"""How many are done, and of how many."""


def bars(*, quiet: bool, console: Console | None = None) -> Progress:
    """Bars on standard error, whose tasks say their own `rate`; `quiet` shows nothing."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console or Console(stderr=True),
        disable=quiet,
    )


@contextmanager
def reading_bar(
    *, quiet: bool, console: Console | None = None, clock: Clock | None = None
) -> Iterator[Report]:
    """One bar of records that are read; the rate is that since the first report."""
    clock, begun = clock or SystemClock(), dict[str, float]()
    with bars(quiet=quiet, console=console) as progress:
        task = progress.add_task("reading", total=None, rate="")

        def report(done: int, total: int) -> None:
            begun.setdefault("at", clock.monotonic())
            begun.setdefault("from", done)
            took = clock.monotonic() - begun["at"]
            rate = f"{(done - begun['from']) / took:,.0f}/s" if took > 0 else ""
            progress.update(task, completed=done, total=total, rate=rate)

        yield report
