"""Keeps a library that repeats itself while a server is away from filling the log."""

import logging
from collections.abc import Sequence

from typing_extensions import override

EVERY = 10.0  # seconds


class SeldomFilter(logging.Filter):
    """Lets each line of source of the named loggers speak once in `EVERY` seconds.

    The place decides, not the text: which nodes, groups and errors it names is unbounded.
    """

    def __init__(self, loggers: Sequence[str]) -> None:
        super().__init__()
        self._loggers = frozenset(loggers)
        self._spoke: dict[tuple[str, int], float] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in self._loggers:
            return True
        place = (record.pathname, record.lineno)
        spoke = self._spoke.get(place)
        if spoke is not None and 0 <= record.created - spoke < EVERY:
            return False
        self._spoke[place] = record.created
        return True
