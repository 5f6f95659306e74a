"""`reprise fsck`: do all services together keep what they promise? Changes nothing."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from common.clock import SystemClock
from common.fsck import Check, Scope
from reprise_cli.cross_checks import CROSS_CHECKS
from reprise_cli.entry_points import fsck_contributions
from reprise_cli.fsck_run import Fsck, Result
from reprise_cli.output import print_json, print_line, print_table

CLEAN, FOUND, UNCHECKED = 0, 1, 2
SHOWN = 20  # findings of one check; `--json` has them all
RUNBOOK = "docs/runbooks/fsck.md"


def fsck(
    check: Annotated[
        list[str] | None,
        typer.Option(help="Only this invariant (I4) or check (catalog.library); repeatable."),
    ] = None,
    age: Annotated[
        float, typer.Option(min=0, help="Seconds below which what is under way is not judged.")
    ] = 300.0,
    list_only: Annotated[bool, typer.Option("--list", help="Only say what there is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Run every service's checks on the live system; it changes nothing.

    Exit code 0: all is as it must be. 1: something is not. 2: something could not be looked at.

    Example: `reprise fsck --check I4 --check I7`
    """
    scope = Scope(timedelta(seconds=age))
    results = asyncio.run(_run(scope, check or [], list_only=list_only, quiet=as_json))
    if as_json:
        print_json([asdict(result) | {"runbook": anchor(result)} for result in results])
    else:
        _show(results, list_only=list_only)
    if not list_only:
        raise typer.Exit(exit_code(results))


def exit_code(results: Sequence[Result]) -> int:
    """A finding weighs more than a check that could not look."""
    verdicts = {result.verdict for result in results}
    if "broken" in verdicts:
        return FOUND
    return UNCHECKED if "unchecked" in verdicts else CLEAN


async def _run(
    scope: Scope, wanted: Sequence[str], *, list_only: bool, quiet: bool
) -> list[Result]:
    async with AsyncExitStack() as stack:
        contributions = [
            await stack.enter_async_context(contribute()) for _, contribute in fsck_contributions()
        ]
        run = Fsck(contributions, CROSS_CHECKS, SystemClock())
        checks = [one for one in run.checks() if _chosen(one, wanted)]
        elsewhere = [one for one in run.elsewhere() if _chosen(one, wanted)]
        _demand_some(checks, elsewhere, wanted)
        if list_only:
            return [Result(c.name, c.invariant, c.meaning, "clean") for c in checks] + elsewhere
        return [*await _looked(run, checks, scope, quiet=quiet), *elsewhere]


async def _looked(run: Fsck, checks: Sequence[Check], scope: Scope, *, quiet: bool) -> list[Result]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    results = []
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task("", total=None)
        for number, check in enumerate(checks, 1):
            looked_at = 0

            def step(name: str = f"{number}/{len(checks)} {check.name}") -> None:
                nonlocal looked_at
                looked_at += 1
                if looked_at % 1000 == 0:
                    progress.update(task, description=f"{name}: {looked_at:,}")

            progress.update(task, description=f"{number}/{len(checks)} {check.name}")
            results.append(await run.look(check, Scope(scope.age, step)))
    return results


def _chosen(one: Check | Result, wanted: Sequence[str]) -> bool:
    return not wanted or one.name in wanted or one.invariant in wanted


def _demand_some(checks: Sequence[Check], others: Sequence[Result], wanted: Sequence[str]) -> None:
    known = {word for one in checks for word in (one.name, one.invariant)}
    known |= {word for one in others for word in (one.name, one.invariant)}
    unknown = sorted(set(wanted) - known)
    if unknown:
        raise typer.BadParameter(
            f"no such check: {', '.join(unknown)}; `--list` says what there is"
        )


def _show(results: Sequence[Result], *, list_only: bool) -> None:
    if list_only:
        print_table(
            ["check", "invariant", "meaning"], [(r.name, r.invariant, r.meaning) for r in results]
        )
        return
    print_table(
        ["check", "invariant", "verdict", "found", "looked at", "seconds"],
        [
            (
                result.name,
                result.invariant,
                result.verdict,
                str(len(result.findings) or "-"),
                f"{result.looked_at:,}",
                f"{result.seconds:.1f}",
            )
            for result in results
        ],
    )
    for result in results:
        _tell(result)


def _tell(result: Result) -> None:
    if result.verdict in {"unchecked", "not here"}:
        print_line(f"{result.name}: {result.verdict}: {result.reason}")
    if result.verdict != "broken":
        return
    print_line(f"\n{result.name} ({result.invariant}): {result.meaning}. See {anchor(result)}")
    for finding in result.findings[:SHOWN]:
        print_line(f"  {finding.subject}  {finding.detail}")
    if len(result.findings) > SHOWN:
        print_line(f"  … and {len(result.findings) - SHOWN} more (`--json` has them all)")


def anchor(result: Result) -> str:
    """Where to read what to do: checks that every service has share a section."""
    service, _, what = result.name.rpartition(".")
    shared = what in {"relayed", "sequences", "log", "read", "taken"}
    return f"{RUNBOOK}#{what if shared and service else result.name.replace('.', '')}"
