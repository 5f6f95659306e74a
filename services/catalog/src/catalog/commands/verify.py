"""`reprise verify catalog`: the log rebuilt beside the live catalog, and compared."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
import uvloop

from catalog.commands.recover import STATEMENT_TIMEOUT
from catalog.commands.settings import VerifySettings
from catalog.commands.statuses import FOUND, telling_silence_apart
from catalog.commands.watching import Watched, watched
from catalog.recovery.adapters.postgres_comparison import PostgresComparison
from catalog.recovery.adapters.scratch_schema import scratch_schema
from catalog.recovery.adapters.sole_writer import refuse_bare
from catalog.recovery.assembly import build_rebuild, open_log
from catalog.recovery.domain.losses import LOSSES
from catalog.recovery.domain.verification import Verified
from catalog.recovery.usecases.verify_catalog import VerifyCatalog
from common.clock import SystemClock
from common.events.topics import CATALOG
from common.postgres.engine import open_engine
from common.settings.groups import PostgresSettings
from common.settings.reading import read

MOST_TOLD = 50  # differences printed; `--json` has them all


def verify(
    patience: Annotated[
        float, typer.Option(help="Seconds for relay and consumers to catch up.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Rebuild the catalog from the log in a scratch schema, compare, drop it.

    Status 0: the tables are what the log tells. 1: they differ, or the log does not lead to all
    that was told. 2: could not look, a part did not answer or the relay is behind.

    The live catalog works on meanwhile: assets are compared at what they had read and told.

    Example: reprise verify catalog --json
    """
    settings = read(VerifySettings)
    with (
        telling_silence_apart(),
        watched(quiet=as_json) as progress,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        verified = runner.run(_verify(settings, progress, patience))
    if as_json:
        print(json.dumps(asdict(verified) | {"lost_by_design": LOSSES}, indent=2, default=str))
    else:
        _say(verified)
    if not verified.same:
        raise typer.Exit(FOUND)


async def _verify(settings: VerifySettings, progress: Watched, patience: float) -> Verified:
    url, clock, log = settings.postgres.url, SystemClock(), open_log(settings.kafka)
    patient = PostgresSettings(url=url, pool_size=3, statement_timeout=STATEMENT_TIMEOUT)
    admin = settings.administrator.url.get_secret_value()
    async with (
        scratch_schema(admin, url.get_secret_value()) as schema,
        open_engine(patient, schema=schema) as database,
    ):
        await refuse_bare(database, CATALOG)
        rebuild = build_rebuild(
            database, log, grace=settings.deletes.grace, clock=clock, progress=progress
        )
        comparison = PostgresComparison(database, CATALOG)
        return await VerifyCatalog(log, rebuild, comparison, clock, patience)()


def _say(verified: Verified) -> None:
    for item in verified.differences[:MOST_TOLD]:
        print(f"{item.table} {item.subject}: {item.detail}")
    if len(verified.differences) > MOST_TOLD:
        print(f"… and {len(verified.differences) - MOST_TOLD} more (--json has them all)")
    print(
        f"{verified.compared:,} assets compared, {len(verified.differences):,} differences;"
        f" {verified.moved:,} changed meanwhile, {verified.waiting:,} wait for parked facts,"
        f" {verified.unexplained:,} of our own facts are not explained by the log,"
        f" {verified.unreadable:,} state records are not readable."
    )
    print("Not compared, lost by design:")
    for what, why in LOSSES.items():
        print(f"  {what}: {why}")
