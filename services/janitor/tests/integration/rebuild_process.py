"""The real command on topics and a schema of a test: `rebuild_process.py SCHEMA WHAT STATE …`."""

import asyncio
import json
import sys
from dataclasses import asdict, replace

from services.janitor.tests.integration.ledger_life import SOURCES

from common.errors import RepriseError
from common.events.topics import CATALOG_STATE
from common.failpoints import activate
from common.settings.reading import read
from common.telemetry.logs import configure_for_commands
from janitor.commands.rebuild import RebuildSettings, run


def main() -> None:
    configure_for_commands()
    schema, what, state, *names = sys.argv[1:]
    settings = read(RebuildSettings)
    activate(settings.process.failpoints)
    began: list[int] = []

    def report(done: int, _total: int) -> None:
        began.append(done)

    topics = [replace(topic, name=name) for topic, name in zip(SOURCES, names, strict=True)]
    work = run(
        settings,
        "a test",
        report,
        swap=what == "swap",
        sources=topics,
        state=replace(CATALOG_STATE, name=state),
        schema=schema,
    )
    try:
        outcome = asyncio.run(work)
    except RepriseError as error:
        sys.exit(f"{error.code}: {error}")
    sys.stdout.write(json.dumps(asdict(outcome) | {"first": began[0] if began else None}))


if __name__ == "__main__":
    main()
