"""`reprise outbox`: what waits to be published, and a lost Kafka filled again from what is kept."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import typer

from common.clock import SystemClock
from common.errors import Unavailable
from common.events.topics import DELIVERY, SERVICES
from common.postgres.outbox_overview import Overview, overview
from common.postgres.provision import schema_of
from common.relay.kafka_places import last_watermarks
from common.settings.reading import read
from reprise_cli.commands.options import AsJson
from reprise_cli.commands.outbox_reseed import reseed
from reprise_cli.output import print_json, print_line, print_table
from reprise_cli.reseeding import open_outbox
from reprise_cli.settings import ConsumersSettings

app = typer.Typer(
    help="Records on their way to Kafka, and those kept behind them.", no_args_is_help=True
)
app.command()(reseed)

STUCK_AFTER = 60.0  # seconds an unpublished row may wait before the command's status is 1
WITH_POSTGRES = tuple(service for service in SERVICES if service != DELIVERY)


@dataclass(frozen=True, slots=True)
class Status:
    """One service's outbox and its relay's last word, None when Kafka did not say."""

    service: str
    outbox: Overview
    watermark_age: float | None

    def trouble(self) -> str | None:
        """What an operator should look into."""
        if self.outbox.leader is None:
            return "no relay leads"
        if self.outbox.oldest.total_seconds() > STUCK_AFTER:
            return "rows do not leave"
        return "rows of a month without partition" if self.outbox.in_default else None


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what waits, who publishes, and what is kept; status 1 when something is wrong.

    Delivery's outbox is a file on each node: see its metrics. Example: reprise outbox status
    """
    found = asyncio.run(_collect(read(ConsumersSettings)))
    if as_json:
        print_json([_plain(one) for one in found])
    else:
        _show(found)
    if any(one.trouble() for one in found):
        raise typer.Exit(1)


async def _collect(settings: ConsumersSettings) -> list[Status]:
    now = SystemClock().now()
    try:
        marks = await last_watermarks(settings.kafka)
    except Unavailable:
        marks = {}  # an outage of Kafka is when this command is asked for
    found = []
    for service in WITH_POSTGRES:
        async with open_outbox(settings.postgres, service) as database, database.read() as session:
            seen = await overview(session, schema_of(service))
        found.append(Status(service, seen, _age(marks.get(service), now)))
    return found


def _age(mark: datetime | None, now: datetime) -> float | None:
    return None if mark is None else max(0.0, round((now - mark).total_seconds(), 1))


def _show(found: list[Status]) -> None:
    columns = ["service", "pending", "oldest", "watermark", "leader", "kept", "dropped", "months"]
    print_table(columns, [_row(one) for one in found])
    for one in found:
        if (trouble := one.trouble()) is not None:
            print_line(f"{one.service}: {trouble} (docs/runbooks/outbox.md)")


def _row(one: Status) -> list[str]:
    outbox = one.outbox
    return [
        one.service,
        f"{outbox.pending:,}",
        f"{outbox.oldest.total_seconds():.1f} s",
        "unknown" if one.watermark_age is None else f"{one.watermark_age} s",
        "nobody" if outbox.leader is None else outbox.leader.address,
        f"{outbox.kept:,}",
        f"{outbox.dropped:,}",
        str(len(outbox.partitions)),
    ]


def _plain(one: Status) -> dict[str, object]:
    outbox = one.outbox
    leader = outbox.leader
    return {
        "service": one.service,
        "pending_rows": outbox.pending,
        "oldest_age_seconds": round(outbox.oldest.total_seconds(), 1),
        "watermark_age_seconds": one.watermark_age,
        "leader": leader and {"address": leader.address, "since": leader.since.isoformat()},
        "facts_kept": outbox.kept,
        "payloads_dropped": outbox.dropped,
        "partitions": outbox.partitions,
        "rows_without_month": outbox.in_default,
        "trouble": one.trouble(),
    }
