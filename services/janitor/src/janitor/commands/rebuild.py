"""`reprise rebuild janitor-ledger`: the ledger of objects and orders, from the log."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console

from common.clock import SystemClock
from common.events.topics import CATALOG_STATE, Topic
from common.failpoints import activate
from common.postgres.streams import open_for_reading
from common.settings.groups import KafkaSettings, ProcessSettings
from common.settings.operator import OperatorSettings
from common.settings.reading import read
from common.subscriber.replay import Replay
from common.telemetry.progress_bars import Report, reading_bar
from janitor.adapters.shadow_tables import ShadowTables
from janitor.commands.fsck import JanitorDatabase
from janitor.commands.ledger_rebuild import SOURCES, WORDS, LedgerRebuild, Swapped
from janitor.domain.differences import Differences


@dataclass(frozen=True, slots=True)
class RebuildSettings:
    """What the command reads."""

    kafka: KafkaSettings
    postgres: JanitorDatabase
    process: ProcessSettings
    operator: OperatorSettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, and what was done."""

    differences: Differences
    swapped: Swapped | None


def janitor_ledger(
    yes: Annotated[bool, typer.Option("--yes", help="Swap; without it, only compare.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Never swap (the default).")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of going on.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Only drop what rebuilds have left behind.")
    ] = False,
    operator: Annotated[str | None, typer.Option(help="Who does this; default: $USER.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Read all facts into tables beside the ledger and compare them; `--yes` swaps.

    The janitor may run; it waits for some seconds at the swap. Nothing condemned or purged comes
    back to life, no order is lost or carried out again. A killed run goes on where it was. Exit
    code 1: the ledger is not what the log says, or the swap failed.

    Example: `reprise rebuild janitor-ledger --yes`
    """
    settings = read(RebuildSettings)
    activate(settings.process.failpoints)
    if drop:
        asyncio.run(_drop(settings))
        return
    swap = yes and not dry_run
    with reading_bar(quiet=as_json) as report:
        who = settings.operator.name(operator)
        outcome = asyncio.run(run(settings, who, report, swap=swap, restart=restart))
    _show(outcome, as_json=as_json)
    if outcome.swapped is None and not outcome.differences.none:
        raise typer.Exit(1)


async def run(
    settings: RebuildSettings,
    operator: str,
    report: Report,
    *,
    swap: bool,
    restart: bool = False,
    sources: Sequence[Topic] = SOURCES,
    state: Topic = CATALOG_STATE,
    schema: str = "janitor",
) -> Outcome:
    """Build and compare; swap if told to. Tests have topics and a schema of their own."""
    async with (
        open_for_reading(settings.postgres.url, schema) as database,
        Replay(settings.kafka, sources) as replay,
    ):
        rebuild = LedgerRebuild(settings.kafka, database, SystemClock(), report, sources, state)
        found = await rebuild.build(replay, restart=restart)
        if not swap:
            await ShadowTables(database).drop(previous=False)  # of no use when somebody comes back
            return Outcome(found, None)
        swapped = await rebuild.swap(replay, operator, found)
    return Outcome(found, swapped)


async def _drop(settings: RebuildSettings) -> None:
    async with open_for_reading(settings.postgres.url, "janitor") as database:
        await ShadowTables(database).drop(previous=True)


def _show(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(outcome), indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    found, swapped = outcome.differences, outcome.swapped
    if found.none:
        console.print(f"the ledger ({found.rows:,} rows) is what the log says")
    for name, number in found.counts().items():
        console.print(f"{name:17} {number:,}")
    if swapped is None:
        console.print(f"nothing was changed; `reprise {WORDS} --yes` swaps")
        return
    console.print(
        f"swapped in {swapped.locked:.1f} s; {swapped.queued} orders queued again;"
        " the old tables stay as previous_… until the next rebuild (or `--drop`)"
    )
