"""How recover and verify end, for whoever runs them from a script: 0, 1 or 2, as fsck does."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer

from common.errors import Unavailable
from common.telemetry.scrub import scrub

FOUND, COULD_NOT_LOOK = 1, 2


@contextmanager
def telling_silence_apart() -> Iterator[None]:
    """Status 2 when Kafka or Postgres did not answer: nothing was found out, so try again."""
    try:
        yield
    except Unavailable as error:
        print("error:", scrub(str(error)), file=sys.stderr)
        raise typer.Exit(COULD_NOT_LOOK) from error


def status_of(outcome: Mapping[str, Any]) -> int:
    """Of a recovery: what the log does not lead to is no success, although the schema is whole."""
    return FOUND if outcome.get("facts_unexplained") else 0
