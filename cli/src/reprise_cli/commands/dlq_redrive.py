"""`reprise dlq redrive`: once more, for the one group that gave up."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from common.clock import SystemClock
from common.postgres.engine import Database
from common.postgres.fuse import PostgresFuse
from common.settings.reading import read
from common.subscriber.dead_letter_log import DeadLetterLog, letter_groups
from reprise_cli.commands.options import AsJson, Group, Operator, Yes
from reprise_cli.dead_letters import Entry
from reprise_cli.editing import mend
from reprise_cli.letter_choice import Choice, databases_of, tell_plan
from reprise_cli.output import print_json, print_line, print_table, print_warning
from reprise_cli.redriving import VAIN, Orders, Redriven, Redriver
from reprise_cli.settings import ConsumersSettings


def redrive(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids from `reprise dlq list`.")] = None,
    group: Group = None,
    reason: Annotated[str | None, typer.Option(help="With --group: only this code.")] = None,
    most: Annotated[int, typer.Option("--max", min=1, help="With --group: so many at most.")] = 100,
    rate: Annotated[float, typer.Option(min=0.1, max=100, help="Records per second.")] = 5.0,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to watch each, until its group tried it; 0: not.")
    ] = 30.0,
    stop_after: Annotated[
        int, typer.Option(min=1, help="Stop after so many failures in a row (needs --wait).")
    ] = 3,
    edit: Annotated[
        Path | None,
        typer.Option(help="One id: hand back the `value` (and `headers`) of this JSON file."),
    ] = None,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Hand records back to the one group that gave them up; no other group sees them again.

    They keep their ids and wait as parked records, in the order of their key.

    Example: reprise dlq redrive --group catalog.uploads --reason unexpected --max 10 --yes
    """
    if edit is not None and (len(ids or ()) != 1 or group):
        raise typer.BadParameter("an edited record goes with exactly one id", param_hint="--edit")
    choice = Choice(ids or (), group, reason, most, events=True)
    settings = read(ConsumersSettings)
    orders = Orders(settings.operator.name(operator), rate, wait or None, stop_after, edit)
    done = asyncio.run(_redrive(settings, choice, orders, yes=yes, as_json=as_json))
    if any(one.outcome in VAIN for one in done):
        raise typer.Exit(1)


async def _redrive(
    settings: ConsumersSettings, choice: Choice, orders: Orders, *, yes: bool, as_json: bool
) -> list[Redriven]:
    done: list[Redriven] = []
    async with DeadLetterLog(settings.kafka) as log:
        chosen = await choice.read(log, settings)
        if orders.edit is not None:
            await _check_edit(log, chosen[0], orders.edit)
        if not yes or not chosen:
            tell_plan("redrive", chosen, as_json=as_json)
            return done
        async with databases_of(settings.postgres, chosen) as databases:
            await _warn_of_pauses(databases)
            redriver = Redriver(log, databases, orders, SystemClock(), letter_groups())
            try:
                async for one in redriver(chosen):
                    done.append(one)  # noqa: PERF401 (what was done is told when the next fails)
            finally:
                _tell(done, len(chosen), as_json=as_json)
    return done


async def _check_edit(log: DeadLetterLog, entry: Entry, file: Path) -> None:
    """Say what is wrong with it before anything is done, also when nothing would be."""
    letter = await log.at(entry.group, letter_groups()[entry.group], entry.place)
    mend(letter.record, file)


async def _warn_of_pauses(databases: Mapping[str, Database]) -> None:
    for group, database in databases.items():
        reason = await PostgresFuse(database).paused(group)
        if reason is not None:
            print_warning(f"{group} is paused ({reason}): `reprise consumers resume {group} --yes`")


def _tell(done: Sequence[Redriven], wanted: int, *, as_json: bool) -> None:
    """Also when it ends early by an error: what was handed back is handed back."""
    if as_json:
        print_json(
            [{"id": one.entry.digest, "outcome": one.outcome, "detail": one.detail} for one in done]
        )
        return
    rows = [(one.entry.id, one.entry.group, one.outcome, one.detail) for one in done]
    if rows:
        print_table(["id", "group", "outcome", "detail"], rows)
    if len(done) < wanted:
        print_line(f"Stopped: {wanted - len(done)} of {wanted} were not touched.")
