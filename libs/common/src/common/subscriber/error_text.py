"""What may be kept of an exception: classes, frames and first lines, never the values it met."""

import traceback
from collections.abc import Iterable, Iterator

from common.telemetry.scrub import scrub

MAX_TRACEBACK = 8_000  # bytes
_LINE = 300  # characters of an exception's text
_CAUSES = 5
_DEEP = 20  # frames of each exception


def class_names(error: BaseException | None) -> list[str]:
    """Of the error itself and of what led to it."""
    return [_name(one) for one in _chain(error)]


def scrubbed_traceback(error: BaseException | None) -> str:
    """Frames of every exception, the innermost last; the first line of each text, scrubbed.

    Further lines of a text hold values (a database tells rows and parameters there).
    """
    lines = list(_lines(reversed(list(_chain(error)))))
    text = scrub("\n".join(lines)).encode("utf-8", "replace")
    return text[-MAX_TRACEBACK:].decode("utf-8", "ignore")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _name(error: BaseException) -> str:
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _lines(errors: Iterable[BaseException]) -> Iterator[str]:
    for error in errors:
        for frame in traceback.extract_tb(error.__traceback__)[-_DEEP:]:
            yield f"{frame.filename}:{frame.lineno} {frame.name}"
        first = str(error).splitlines()[:1]
        yield f"{_name(error)}: {''.join(first)[:_LINE]}"
