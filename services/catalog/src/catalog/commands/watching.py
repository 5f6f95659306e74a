"""A progress bar with rate and time left, where somebody watches."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@dataclass(slots=True)
class Watched:
    """Recovery's progress on a terminal."""

    bars: Progress
    _task: TaskID | None = None

    def begin(self, step: str, total: int | None) -> None:
        """One bar for each step."""
        self._task = self.bars.add_task(step, total=total, rate="")

    def advance(self, count: int) -> None:
        """Move the bar of the step that is under way."""
        if self._task is not None:
            self.bars.advance(self._task, count)
            speed = self.bars.tasks[self._task].speed or 0
            self.bars.update(self._task, rate=f"{speed:,.0f}/s")


@contextmanager
def watched(*, quiet: bool) -> Iterator[Watched]:
    """Bars on standard error; nothing where that is no terminal or nobody wants them."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bars:
        yield Watched(bars)
