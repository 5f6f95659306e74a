"""`reprise recover catalog`: a lost catalog's tables, from the log into an empty schema."""

import asyncio
import json
from typing import Annotated, Any

import typer
import uvloop

from catalog.commands.settings import RecoverySettings
from catalog.commands.statuses import status_of, telling_silence_apart
from catalog.commands.watching import Watched, watched
from catalog.recovery.adapters.postgres_rebuilding import (
    PostgresRebuilding,
    clear_away,
    unfinished,
)
from catalog.recovery.adapters.sole_writer import RECOVERY, SoleWriter, refuse_bare, refuse_rows
from catalog.recovery.assembly import build_rebuild, build_untold, open_log
from catalog.recovery.domain.losses import LOSSES
from catalog.recovery.usecases.recover_catalog import RecoverCatalog, Recovered
from common.clock import SystemClock
from common.events.topics import CATALOG
from common.postgres import audit
from common.postgres.engine import Database, open_engine
from common.settings.groups import PostgresSettings
from common.settings.reading import read

WORDS = "recover catalog"
# an index over all assets is built in one statement
STATEMENT_TIMEOUT = 6 * 3600.0  # seconds


def recover(
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, only say what would be done.")
    ] = False,
    operator: Annotated[str | None, typer.Option(help="Who does this; default: $USER.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Fill the catalog's empty, migrated schema from the log; the catalog must not run.

    Status 0: all of it came back. 1: refused, or the log does not lead to all that was told, which
    is counted; the schema is whole. 2: a part did not answer: give the command again.

    A killed run goes on where it was when the command is given again. Afterwards: start the
    catalog, then `reprise verify catalog`.

    Example: reprise setup; reprise recover catalog --yes
    """
    settings = read(RecoverySettings)
    with (
        telling_silence_apart(),
        watched(quiet=as_json or not yes) as progress,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        outcome = runner.run(
            _recover(settings, progress, settings.operator.name(operator), yes=yes)
        )
    if as_json:
        print(json.dumps(outcome, indent=2, default=str))
    else:
        _say(outcome)
    if status := status_of(outcome):
        raise typer.Exit(status)


async def _recover(
    settings: RecoverySettings, progress: Watched, operator: str, *, yes: bool
) -> dict[str, Any]:
    url, log = settings.postgres.url, open_log(settings.kafka)
    sole = SoleWriter(url.get_secret_value(), CATALOG, settings.kafka)
    patient = PostgresSettings(url=url, pool_size=3, statement_timeout=STATEMENT_TIMEOUT)
    async with (
        open_engine(patient, schema=CATALOG, purpose=RECOVERY) as database,
        sole.alone(database),
    ):
        await refuse_bare(database, CATALOG)
        await refuse_rows(database)
        ends = await log.ends()
        found: dict[str, Any] = {
            "done": yes,
            "goes_on": await unfinished(database),
            "log": {topic: sum(positions.values()) for topic, positions in ends.items()},
            "lost_by_design": LOSSES,
        }
        if not yes:
            return found
        grace, clock = settings.deletes.grace, SystemClock()

        async def close(recovered: Recovered) -> None:
            await _close(database, operator, recovered)

        recover_catalog = RecoverCatalog(
            build_rebuild(database, log, grace=grace, clock=clock, progress=progress),
            build_untold(database, grace=grace, clock=clock, progress=progress),
            close,
        )
        await PostgresRebuilding(database).begin(ends)
        await sole.refuse_again(database)
        return found | (await recover_catalog(ends)).plain()


async def _close(database: Database, operator: str, recovered: Recovered) -> None:
    """One transaction: from here on the catalog may start."""
    async with database.write() as session:
        await clear_away(session)
        await audit.record(session, operator, WORDS, {}, recovered.plain())


def _say(outcome: dict[str, Any]) -> None:
    for topic, records in outcome["log"].items():
        print(f"{topic}: read up to offset {records:,} (all partitions together)")
    if not outcome["done"]:
        verb = "go on" if outcome["goes_on"] else "fill the empty schema"
        print(f"Nothing was changed. To {verb}: reprise recover catalog --yes")
    else:
        print(
            f"Recovered. {outcome['facts_applied_again']} facts were decided again,"
            f" {outcome['runs_requested_again']} runs asked for again,"
            f" {outcome['facts_unexplained']} of our own facts are not explained by the log,"
            f" {outcome['state_records_unreadable']} state records were not"
            " readable: their assets were told again by their facts."
        )
    print("Lost by design:")
    for what, why in LOSSES.items():
        print(f"  {what}: {why}")
