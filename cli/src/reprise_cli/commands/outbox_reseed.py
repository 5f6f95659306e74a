"""`reprise outbox reseed`: a lost Kafka is filled again with the same records."""

import asyncio
from typing import Annotated

import typer

from common.errors import Conflict
from common.events.topics import DELIVERY, SERVICES
from common.settings.reading import read
from common.telemetry.progress_bars import bars
from reprise_cli.commands.options import AsJson, Operator, Yes
from reprise_cli.output import print_json, print_line, print_table
from reprise_cli.reseeding import TopicPlan, make_unpublished, open_outbox, plan, watch
from reprise_cli.settings import ConsumersSettings

WITH_POSTGRES = tuple(service for service in SERVICES if service != DELIVERY)


def reseed(
    service: Annotated[
        list[str] | None, typer.Option(help="A service; may be given more than once.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every service with Postgres.")] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Without asking Kafka what it has. Facts it holds come a second time: consumers"
            " recognise them by id and sequence; it costs time and space.",
        ),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Stay until the relays have sent all.")
    ] = True,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Send every kept fact again: the same ids, sequences, times and bytes, in their old order.

    Facts become unpublished in one transaction; the service's own relay sends them before all that
    is newer. Killed before that, nothing has changed; after it, the relay goes on, and the same
    command shows what is left. State and details follow by `reprise state republish`.
    Example: reprise outbox reseed --all --yes
    """
    services = _chosen(service, everything=everything)
    settings = read(ConsumersSettings)
    plans = asyncio.run(_plans(settings, services, ask=not force))
    wanted = [one for one in plans if one.verdict != "held"]
    _show(plans, wanted, as_json=as_json, yes=yes)
    if plans and not wanted:
        raise Conflict("the topics still hold these facts", code="not_lost")
    if yes:
        run = _Run(settings, settings.operator.name(operator), force=force, quiet=as_json)
        asyncio.run(run(services, wanted, wait=wait))


def _chosen(named: list[str] | None, *, everything: bool) -> tuple[str, ...]:
    if everything != (not named):
        raise typer.BadParameter("name services, or give --all", param_hint="--service")
    unknown = sorted(set(named or ()) - set(WITH_POSTGRES))
    if unknown:
        known = ", ".join(WITH_POSTGRES)
        raise typer.BadParameter(
            f"no outbox in Postgres; there are {known}", param_hint="--service"
        )
    return tuple(named) if named else WITH_POSTGRES


async def _plans(
    settings: ConsumersSettings, services: tuple[str, ...], *, ask: bool
) -> list[TopicPlan]:
    made: list[TopicPlan] = []
    for service in services:
        async with open_outbox(settings.postgres, service) as database:
            made += await plan(database, settings.kafka, service, ask=ask)
    return made


def _show(plans: list[TopicPlan], wanted: list[TopicPlan], *, as_json: bool, yes: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "service": one.service,
                    "topic": one.topic,
                    "facts": one.facts,
                    "kafka": one.verdict,
                    "reseed": yes and one in wanted,
                }
                for one in plans
            ]
        )
        return
    if not plans:
        print_line("No published facts are kept. What waits already is sent by the relays.")
        return
    columns = ["topic", "service", "facts", "in Kafka", "to be sent again"]
    print_table(columns, [_row(one, wanted=one in wanted) for one in plans])
    if wanted and not yes:
        print_line("Nothing was changed. To do it: the same command with --yes.")


def _row(one: TopicPlan, *, wanted: bool) -> list[str]:
    return [one.topic, one.service, f"{one.facts:,}", one.verdict, "yes" if wanted else "no"]


class _Run:
    """Carries it out service by service, with a bar of what the relay has sent."""

    def __init__(
        self, settings: ConsumersSettings, operator: str, *, force: bool, quiet: bool
    ) -> None:
        self._settings, self._operator, self._force = settings, operator, force
        self._bars = bars(quiet=quiet)

    async def __call__(
        self, services: tuple[str, ...], wanted: list[TopicPlan], *, wait: bool
    ) -> None:
        with self._bars:
            for service in services:
                topics = [one.topic for one in wanted if one.service == service]
                if topics:
                    facts = sum(one.facts for one in wanted if one.service == service)
                    await self._unpublish(service, topics, facts)
            if wait:
                await asyncio.gather(*(self._watch(service) for service in services))

    async def _unpublish(self, service: str, topics: list[str], facts: int) -> None:
        bar = self._bars.add_task(f"{service}: take back", total=facts, rate="")
        async with open_outbox(self._settings.postgres, service) as database:
            await make_unpublished(
                database,
                topics,
                self._operator,
                force=self._force,
                told=lambda rows: self._bars.advance(bar, rows),
            )

    async def _watch(self, service: str) -> None:
        bar = self._bars.add_task(f"{service}: send", total=None, rate="")
        most = 0

        def left(waiting: int) -> None:
            nonlocal most
            most = max(most, waiting)
            speed = self._bars.tasks[bar].speed or 0
            self._bars.update(bar, total=most, completed=most - waiting, rate=f"{speed:,.0f}/s")

        def leaderless() -> None:
            self._bars.update(bar, rate="no relay leads: start the service (role relay)")

        async with open_outbox(self._settings.postgres, service) as database:
            await watch(database, service, left, leaderless)
