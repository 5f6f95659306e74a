"""`reprise lag`: how far every consumer group is behind, in records and in seconds."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from common.clock import SystemClock
from common.events.topics import Topic
from common.settings.groups import KafkaSettings
from common.settings.reading import read
from common.subscriber.groups import GroupState, describe_groups
from common.subscriber.lag import LagReader, PartitionLag
from reprise_cli.commands.options import AsJson, Group
from reprise_cli.consumer_states import lag_of
from reprise_cli.output import print_json, print_warning, table_of
from reprise_cli.schemas import chosen_groups
from reprise_cli.settings import LagSettings

_EVERY = 2.0  # seconds between two looks of --watch
_COLUMNS = ["group", "topic", "records", "seconds", "behind", "members"]


def lag(
    group: Group = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0, help="End with status 1 when a group is further behind.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again until ^C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what each group has not committed yet, measured in Kafka: dead consumers are seen too.

    Delivery keeps its place in a file of its node: see media_consumer_lag_records in its metrics.

    Example: reprise lag --max-seconds 60
    """
    if watch and as_json:
        raise typer.BadParameter("choose one of --watch and --json", param_hint="--watch")
    kafka, groups = read(LagSettings).kafka, chosen_groups(group)
    if watch:
        with suppress(KeyboardInterrupt):
            asyncio.run(_watch(kafka, groups))
        return
    lags, states = asyncio.run(_once(kafka, groups))
    now = SystemClock().now()
    if as_json:
        print_json([_plain(name, lags, states[name], now) for name in sorted(groups)])
    else:
        Console(highlight=False).print(table_of(_COLUMNS, _rows(groups, lags, states, now)))
    late = [name for name in sorted(groups) if _late(name, lags, now, max_seconds)]
    if late:
        print_warning(f"further behind than {max_seconds:g} s: {', '.join(late)}")
        raise typer.Exit(1)


async def _once(
    kafka: KafkaSettings, groups: Mapping[str, Topic]
) -> tuple[list[PartitionLag], dict[str, GroupState]]:
    async with LagReader(kafka, "reprise-lag") as reader:
        return await reader.measure(groups), await describe_groups(reader.admin, groups)


async def _watch(kafka: KafkaSettings, groups: Mapping[str, Topic]) -> None:
    """One table that changes; without a terminal one after the other."""
    clock, console = SystemClock(), Console(highlight=False)
    async with LagReader(kafka, "reprise-lag") as reader:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                lags = await reader.measure(groups)
                states = await describe_groups(reader.admin, groups)
                table = table_of(_COLUMNS, _rows(groups, lags, states, clock.now()))
                if console.is_terminal:
                    live.update(table, refresh=True)
                else:
                    console.print(table)
                await asyncio.sleep(_EVERY)


def _rows(
    groups: Mapping[str, Topic],
    lags: Sequence[PartitionLag],
    states: Mapping[str, GroupState],
    now: datetime,
) -> list[tuple[str, ...]]:
    rows = list[tuple[str, ...]]()
    for name in sorted(groups):
        ours = [one for one in lags if one.group == name]
        records, seconds = lag_of(ours, now)
        behind = sum(1 for one in ours if one.records)
        partitions = f"{behind} of {len(ours)}"
        members = str(len(states[name].members) or "nobody")
        rows.append((name, groups[name].name, str(records), f"{seconds:.1f}", partitions, members))
    return rows


def _late(group: str, lags: Sequence[PartitionLag], now: datetime, limit: float | None) -> bool:
    _, seconds = lag_of([one for one in lags if one.group == group], now)
    return limit is not None and seconds > limit


def _plain(
    group: str, lags: Sequence[PartitionLag], state: GroupState, now: datetime
) -> dict[str, object]:
    ours = [one for one in lags if one.group == group]
    records, seconds = lag_of(ours, now)
    return {
        "group": group,
        "topic": ours[0].topic,
        "records": records,
        "seconds": round(seconds, 3),
        "members": len(state.members),
        "phase": state.phase,
        "partitions": [
            {
                "partition": one.partition,
                "committed": one.committed,
                "end": one.end,
                "records": one.records,
                "seconds": round(one.seconds(now), 3),
            }
            for one in ours
        ],
    }
