"""The real command on a topic of a test: `python rebuild_process.py STATE FOLDER swap|compare`."""

import asyncio
import sys
from dataclasses import asdict, replace
from pathlib import Path

from common.errors import RepriseError
from common.events.topics import CATALOG_STATE
from common.failpoints import activate
from common.settings.reading import read
from common.telemetry.logs import configure_for_commands
from delivery.commands.rebuild import RebuildSettings, prepared, run

WAIT = 20.0  # seconds


def main() -> None:
    configure_for_commands()
    topic, folder, what = sys.argv[1:]
    settings = read(RebuildSettings)
    activate(settings.process.failpoints)
    began: list[int] = []

    def report(done: int, _total: int) -> None:
        began.append(done)

    state = replace(CATALOG_STATE, name=topic)
    rebuild = prepared(settings, Path(folder), report, state)
    try:
        outcome = asyncio.run(run(rebuild, "a test", WAIT, swap=what == "swap"))
    except RepriseError as error:
        sys.exit(f"{error.code}: {error}")
    sys.stdout.write(repr({"outcome": asdict(outcome), "first": began[0] if began else None}))


if __name__ == "__main__":
    main()
