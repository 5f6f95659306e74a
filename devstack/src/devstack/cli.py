"""The command line of the local stack; the Makefile calls nothing else."""

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from devstack import cli_reports
from devstack.errors import DevstackError
from devstack.log_reading import follow_logs, show_logs
from devstack.repository import ROOT, topology
from devstack.settings import read_settings
from devstack.stack import Stack
from devstack.status import status_table
from devstack.system_packages import install_system_packages
from devstack.toolbox import Toolbox

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
app.registered_commands.extend(cli_reports.app.registered_commands)
console = Console(highlight=False)
Home = Annotated[Path, typer.Option(help="The stack's folder: data, logs, secrets.")]
DEFAULT_HOME = ROOT / ".dev"


def run() -> None:
    """Runs a command; what the person can mend is one sentence, not a traceback."""
    try:
        app(standalone_mode=True)
    except DevstackError as error:
        print(f"reprise: {error}", file=sys.stderr)
        sys.exit(1)


@app.command()
def install(*, cache_only: Annotated[bool, typer.Option("--cache-only")] = False) -> None:
    """Install system packages where rights exist; fetch and build broker and store."""
    problem = None if cache_only else install_system_packages()
    if problem:
        raise DevstackError(problem)
    # Imported late, as for the demo: the resolver and the tus client weigh half a second.
    from devstack.install import install_cache  # noqa: PLC0415

    install_cache(topology(), Toolbox(read_settings()), console.print)


@app.command()
def up(
    home: Home = DEFAULT_HOME,
    *,
    infra: Annotated[bool, typer.Option("--infra", help="Only broker, database, store.")] = False,
) -> None:
    """Start what does not run yet and wait until it is ready."""
    stack = Stack(topology(), home)
    only = stack.infrastructure() if infra else None
    begun = time.monotonic()

    def ready(name: str) -> None:
        console.print(f"  {time.monotonic() - begun:5.1f} s  {name} is ready")

    with console.status("starting"):
        started = stack.start(only, ready)
    if not started:
        console.print(f"already up: {stack.env['REPRISE_URL']} (`make status`, `make down`)")
        return
    console.print(f"up: {stack.env['REPRISE_URL']}   environment: {stack.home / 'env'}")


@app.command()
def down(home: Home = DEFAULT_HOME) -> None:
    """Stop everything in reverse order; data stays."""
    stopped = Stack(topology(), home).stop()
    console.print(f"stopped {', '.join(reversed(stopped))}" if stopped else "nothing was running")


@app.command()
def status(home: Home = DEFAULT_HOME) -> None:
    """Show what runs: process id, port, memory, readiness. Fails when something is down."""
    table, all_up = status_table(Stack(topology(), home))
    console.print(table)
    raise typer.Exit(0 if all_up else 3)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="A process; default: all.")] = None,
    home: Home = DEFAULT_HOME,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n")] = 20,
) -> None:
    """Show the ends of the logs."""
    found = show_logs(home / "log", name, lines)
    if follow:
        follow_logs(found)


@app.command()
def restart(process: str, home: Home = DEFAULT_HOME) -> None:
    """Stop one process and start it again."""
    stack = Stack(topology(), home)
    stack.stop_process(process)
    stack.start_process(process)
    console.print(f"{process} is ready")


@app.command()
def kill(
    process: str,
    home: Home = DEFAULT_HOME,
    send: Annotated[str, typer.Option("--signal", help="A signal's name.")] = "KILL",
) -> None:
    """Send a signal to one process; by default it dies at once."""
    try:
        number = signal.Signals[f"SIG{send.upper().removeprefix('SIG')}"]
    except KeyError as error:
        raise DevstackError(f"no signal {send!r}") from error
    Stack(topology(), home).kill(process, number)


@app.command()
def demo(
    files: Annotated[list[Path] | None, typer.Argument(help="Default: three made ones.")] = None,
    home: Home = DEFAULT_HOME,
) -> None:
    """Upload, follow to ready, play back by ranges and compare: the main job on real files."""
    from devstack.demo.main_job import run_demo  # noqa: PLC0415

    if not (home / "env").exists():
        raise DevstackError("the stack is not up: run `make up`")
    run_demo(Stack(topology(), home).env, files or [], home, console)
