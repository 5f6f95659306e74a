"""Spans of time as operators write and read them: 15m, 12h, 30d."""

import re
from datetime import timedelta

import typer

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_span(text: str, option: str) -> timedelta:
    """Raises BadParameter naming the option; 0 of anything is no span."""
    match = _SPAN.fullmatch(text)
    if match is None or not int(match.group(1)):
        raise typer.BadParameter("a span reads 90s, 15m, 12h or 30d", param_hint=option)
    return timedelta(seconds=int(match.group(1)) * _UNITS[match.group(2)])


def say_span(span: timedelta) -> str:
    """The span in its largest unit that is not below one, rounded down: `3h`."""
    seconds = max(0, int(span.total_seconds()))
    for unit in ("d", "h", "m"):
        if seconds >= 2 * _UNITS[unit] or seconds == _UNITS[unit]:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"
