"""Commands that read and write the working copy instead of running something."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from devstack.errors import DevstackError
from devstack.generate import stale_files, write_generated
from devstack.repository import ROOT, topology
from devstack.requirement_rows import requirement_rows
from devstack.requirements_report import requirement_states
from devstack.results import RunResult, current_commit, load_results
from devstack.secret_store import make_secret, write_private
from devstack.sizes import largest_files, largest_functions

SUITES = ("test", "test-long")
app = typer.Typer(add_completion=False)
console = Console(highlight=False, soft_wrap=True)


@app.command()
def generate(*, check: Annotated[bool, typer.Option("--check")] = False) -> None:
    """Write docker-compose.yml and the edge's container configuration, or check that they fit."""
    if not check:
        changed = write_generated(topology(), ROOT)
        console.print(f"written: {', '.join(changed)}" if changed else "nothing to change")
        return
    stale = stale_files(topology(), ROOT)
    if stale:
        raise DevstackError(f"{', '.join(stale)} differ from the topology: run `make generate`")


@app.command("compose-env")
def compose_env() -> None:
    """Write the secrets that docker-compose.yml wants to .env; never overwrites one."""
    path = ROOT / ".env"
    if path.exists():
        raise DevstackError(f"{path} exists; remove it to make new secrets")
    secrets = topology().secrets.values()
    write_private(path, "".join(f"{one.variable}={make_secret(one)}\n" for one in secrets))
    console.print(f"{path} holds the secrets of this installation: keep it")


@app.command()
def sizes(count: int = 15) -> None:
    """List the largest files and functions."""
    for title, found in (
        ("files", largest_files(ROOT, count)),
        ("functions", largest_functions(ROOT, count)),
    ):
        console.print(f"largest {title} (lines)")
        for one in found:
            console.print(f"  {one.lines:5d}  {one.where}")


@app.command()
def requirements(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Say which rows of docs/reference/requirements.md the tests of this commit prove."""
    commit, _ = current_commit()
    runs = load_results(commit, SUITES)
    _note_runs(commit, runs)
    states = requirement_states(requirement_rows(), runs)
    proven = sum(state.proven for state in states)
    if as_json:
        document = {"commit": commit, "proven": proven, "rows": [asdict(one) for one in states]}
        print(json.dumps(document, indent=1))
        return
    for state in states:
        print(state.line())
    print(f"{proven} of {len(states)} proven")


def _note_runs(commit: str, runs: list[RunResult]) -> None:
    """To the error stream, so that the report itself stays plain."""
    if not runs:
        print(f"no complete run of commit {commit[:12]}: run `make test`", file=sys.stderr)
    for run in runs:
        changed = ", with uncommitted changes" if run.dirty else ""
        print(f"{run.suite}: {len(run.tests)} tests of {commit[:12]}{changed}", file=sys.stderr)
