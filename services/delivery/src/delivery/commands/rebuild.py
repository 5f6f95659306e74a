"""`reprise rebuild delivery-index`: on the node whose folder it is."""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from common.clock import SystemClock
from common.errors import Invalid
from common.events.topics import CATALOG_STATE, Topic
from common.failpoints import activate
from common.settings.groups import KafkaSettings, ProcessSettings
from common.settings.operator import OperatorSettings
from common.settings.reading import read
from common.telemetry.progress_bars import Report, reading_bar
from delivery.adapters.index_files import IndexFiles
from delivery.commands.fsck import NodeFolder
from delivery.commands.index_rebuild import IndexRebuild
from delivery.domain.comparison import Comparison

WORDS = "rebuild delivery-index"


@dataclass(frozen=True, slots=True)
class RebuildSettings:
    """What the command reads."""

    kafka: KafkaSettings
    node: NodeFolder
    process: ProcessSettings
    operator: OperatorSettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, and what was done."""

    comparison: Comparison | None
    file: str
    swapped_by: str | None


def delivery_index(
    folder: Annotated[
        Path | None, typer.Option(help="The node's folder; default: REPRISE_DELIVERY_DIR.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Swap; without it, only compare.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Never swap (the default).")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of going on.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Offer the index before the last swap instead.")
    ] = False,
    wait: Annotated[float, typer.Option(help="Seconds a running delivery has to take it.")] = 60.0,
    operator: Annotated[str | None, typer.Option(help="Who does this; default: $USER.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Read the state topic into a file beside the live index and compare them; `--yes` swaps.

    Delivery may run: it brings the new file up to date itself and serves all the while. A killed
    run goes on where it was. Exit code 1: the live index differs, or the swap failed.

    Example: `reprise rebuild delivery-index --folder /var/lib/reprise --yes`
    """
    settings = read(RebuildSettings)
    activate(settings.process.failpoints)
    with reading_bar(quiet=as_json) as report:
        rebuild = prepared(settings, folder, report)
        who = settings.operator.name(operator)
        swap = yes and not dry_run
        work = (
            _roll_back(rebuild, who, wait, swap=swap)
            if rollback
            else run(rebuild, who, wait, swap=swap, restart=restart)
        )
        outcome = asyncio.run(work)
    _show(outcome, as_json=as_json, swap=swap)
    if not swap and outcome.comparison is not None and not outcome.comparison.equal:
        raise typer.Exit(1)


def prepared(
    settings: RebuildSettings, folder: Path | None, report: Report, topic: Topic = CATALOG_STATE
) -> IndexRebuild:
    """The work on one folder; `topic` is another one only where tests share a broker."""
    chosen = folder or settings.node.folder
    if chosen is None or not chosen.is_dir():
        raise Invalid("no folder of a delivery node: give --folder or REPRISE_DELIVERY_DIR")
    return IndexRebuild(settings.kafka, IndexFiles(chosen), SystemClock(), report, topic)


async def run(
    rebuild: IndexRebuild, operator: str, wait: float, *, swap: bool, restart: bool = False
) -> Outcome:
    """Build and compare; hand over if told to."""
    offered = rebuild.files.offered()
    if offered is not None and swap:
        by = await rebuild.hand_over(offered, within=wait)
        rebuild.note(operator, f"{WORDS} (offered before)", None, by)
        return Outcome(None, offered.name, by)
    path, found = await rebuild.build(restart=restart)
    if not swap:
        return Outcome(found, path.name, None)
    rebuild.files.offer()
    by = await rebuild.hand_over(path, within=wait)
    rebuild.note(operator, WORDS, found, by)
    return Outcome(found, path.name, by)


async def _roll_back(rebuild: IndexRebuild, operator: str, wait: float, *, swap: bool) -> Outcome:
    previous = rebuild.files.previous()
    if previous is None or not previous.exists():
        raise Invalid("there is no index before the last swap")
    if not swap:
        return Outcome(None, previous.name, None)
    rebuild.files.offer_previous()
    by = await rebuild.hand_over(previous, within=wait)
    rebuild.note(operator, f"{WORDS} --rollback", None, by)
    return Outcome(None, previous.name, by)


def _show(outcome: Outcome, *, as_json: bool, swap: bool) -> None:
    found = outcome.comparison
    if as_json:
        print(json.dumps(asdict(outcome), indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    if found is not None:
        for name, value in asdict(found).items():
            console.print(f"{name:15} {value}", markup=False)
        console.print("equal" if found.equal else f"{found.faults} entries differ")
    else:
        console.print("there is no index of this log to compare with")
    if swap:
        console.print(f"{outcome.file} is live, swapped by {outcome.swapped_by}")
    else:
        console.print(f"nothing was changed; `reprise {WORDS} --yes` makes {outcome.file} live")
