"""`reprise state republish`: the compacted topics, seeded again from their owners' tables."""

import asyncio
from typing import Annotated, Any

import typer
from rich.progress import Progress

from common.errors import Invalid
from common.kafka.topics import epoch
from common.postgres import republishing
from common.postgres.engine import Database
from common.postgres.republishing import Republishing
from common.settings.reading import read
from common.telemetry import progress_bars
from reprise_cli.commands.options import AsJson
from reprise_cli.entry_points import republishings
from reprise_cli.output import print_json, print_line
from reprise_cli.schemas import open_schema
from reprise_cli.settings import StateSettings

app = typer.Typer(
    help="The compacted topics, seeded again from their owners' tables.", no_args_is_help=True
)


@app.callback()
def _state() -> None:
    """Keep `republish` a command of the group although it is the only one."""


@app.command()
def republish(
    service: Annotated[
        str, typer.Option(help="catalog, upload-gateway, transcoder or all.")
    ] = "all",
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, only say what would be done.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of going on.")
    ] = False,
    operator: Annotated[str | None, typer.Option(help="Who does this; default: $USER.")] = None,
    as_json: AsJson = False,
) -> None:
    """Append a record for every entity to its owner's outbox, under a higher sequence.

    After a lost Kafka it comes last: `reprise outbox reseed`, `reprise topics apply`, then this.
    The services may run; each entity is told as it is then, through the relay like all else. A
    killed run goes on where it was, unless Kafka was lost meanwhile.

    Example: reprise state republish --service catalog --yes
    """
    settings = read(StateSettings)
    chosen = _chosen(service)
    with progress_bars.bars(quiet=as_json or not yes) as bars:
        who = settings.operator.name(operator)
        outcome = asyncio.run(_all(settings, chosen, bars, who, yes=yes, restart=restart))
    if as_json:
        print_json(outcome)
        return
    for name, found in outcome.items():
        print_line(f"{name}: {found['says']}")
    if not yes:
        print_line("Nothing was changed. To do it: the same command with --yes")


def _chosen(service: str) -> list[str]:
    known = list(republishings())
    if service != "all" and service not in known:
        raise Invalid(f"no such service: {service}; there are {', '.join(known)}, all")
    return known if service == "all" else [service]


async def _all(
    settings: StateSettings,
    services: list[str],
    bars: Progress,
    operator: str,
    *,
    yes: bool,
    restart: bool,
) -> dict[str, dict[str, Any]]:
    known, outcome = republishings(), dict[str, dict[str, Any]]()
    log = await epoch(settings.kafka)
    for name in services:
        async with open_schema(settings.postgres, name) as database:
            outcome[name] = (
                await _tell(database, known[name], bars, operator, log=log, restart=restart)
                if yes
                else await _plan(database, known[name], log)
            )
    return outcome


async def _plan(database: Database, found: Republishing, log: str) -> dict[str, Any]:
    run = await republishing.last_unfinished(database, log=log)
    async with database.read() as session:
        count = await found.count(session, run.after if run else None)
    goes_on = " (going on with the run that was not finished)" if run else ""
    return {"would_tell": count, "says": f"{count} {found.what} would be told again{goes_on}"}


async def _tell(
    database: Database,
    found: Republishing,
    bars: Progress,
    operator: str,
    *,
    log: str,
    restart: bool,
) -> dict[str, Any]:
    run = await republishing.begin(database, operator, log=log, restart=restart)
    async with database.read() as session:
        total = await found.count(session, run.after)
    bar, told = bars.add_task(found.service, total=total, rate=""), 0
    while (count := await republishing.advance(database, found, run)) is not None:
        told += count
        bars.advance(bar, count)
        bars.update(bar, rate=f"{bars.tasks[bar].speed or 0:,.0f}/s")
    went_on = " after those of the run that was not finished" if run.goes_on else ""
    says = f"{told} {found.what} were told again{went_on}; the relay publishes them"
    return {"told": told, "went_on": run.goes_on, "says": says}
