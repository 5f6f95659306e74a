"""What is shown of a command that reads for long."""

import io

from rich.console import Console

from common.telemetry.progress_bars import reading_bar
from common.testing.clock import ManualClock


def _shown(*, quiet: bool) -> str:
    clock, console = ManualClock(), Console(file=io.StringIO())
    with reading_bar(quiet=quiet, console=console, clock=clock) as report:
        report(5_000, 20_000)  # a killed run had come that far
        clock.advance(2)
        report(9_000, 20_000)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_that_goes_on_shows_its_own_rate() -> None:
    shown = _shown(quiet=False)
    assert "9000/20000" in shown
    assert "2,000/s" in shown


def test_nothing_is_shown_to_who_wants_quiet() -> None:
    assert _shown(quiet=True) == ""
