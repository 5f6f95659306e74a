"""`reprise doctor s3`: whether the store does what the platform needs, on this very endpoint."""

import asyncio
from dataclasses import asdict
from signal import SIGTERM
from typing import Annotated

import typer
from rich.console import Console

from common.events.topics import UPLOAD_GATEWAY
from common.postgres.audit import record
from common.postgres.engine import open_engine
from common.postgres.provision import schema_of
from common.s3.probe.line import Finding
from common.s3.probe.probing import Wishes, open_probing
from common.s3.probe.run import LINES, findings
from common.settings.groups import PostgresSettings
from common.settings.reading import read
from reprise_cli.bucket_rules import Dialect, cors_text
from reprise_cli.output import print_json, print_line, print_table, print_warning
from reprise_cli.settings import DoctorSettings
from upload_gateway.adapters.postgres_capabilities import Probed, keep_capabilities, place_of

app = typer.Typer(help="Examine what Reprise stands on.", no_args_is_help=True)


@app.callback()
def doctor() -> None:
    """Examine what Reprise stands on."""


@app.command()
def s3(
    apply: Annotated[
        bool, typer.Option("--apply", help="First set the bucket's CORS and lifecycle rules.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave the 256 MiB object and long waits out.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep the findings for the services.")
    ] = True,
    print_cors: Annotated[
        str | None,
        typer.Option(metavar="aws|r2", help="Only print CORS rules to paste into a console."),
    ] = None,
    operator: Annotated[str | None, typer.Option(help="Who asks, for the audit.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Ask the configured store everything the platform needs; status 1 when it lacks something.

    Optional capabilities switch features: what the store was not found to do is not offered.
    Everything is written below `doctor/` and removed again.

    Example: `reprise doctor s3 --apply`
    """
    settings = read(DoctorSettings)
    if print_cors is not None:
        if not settings.web.origins():
            print_warning("REPRISE_WEB_ORIGINS is not set: the rules let no page in.")
        print_line(cors_text(_dialect(print_cors), settings.web.origins()))
        return
    wishes = Wishes(settings.web.origins(), apply=apply, large=not quick, patient=not quick)
    try:
        found = asyncio.run(_examined(settings, wishes, quiet=as_json))
    except asyncio.CancelledError:
        raise typer.Exit(128 + SIGTERM) from None
    kept = False
    try:
        kept = asyncio.run(_kept(settings, found, operator)) if keep else False
    finally:  # what took a minute to find is told, also when nobody can keep it
        if as_json:
            print_json(_document(settings, found, kept=kept))
        else:
            _show(settings, found, kept=kept)
    if not all(finding.harmless for finding in found):
        raise typer.Exit(1)


def _dialect(text: str) -> Dialect:
    if text == "aws":
        return "aws"
    if text == "r2":
        return "r2"
    raise typer.BadParameter("there are aws and r2", param_hint="--print-cors")


async def _examined(settings: DoctorSettings, wishes: Wishes, *, quiet: bool) -> list[Finding]:
    _heed_sigterm()
    found: list[Finding] = []
    console = Console(stderr=True, quiet=quiet)
    with console.status("") as status:
        async with open_probing(settings.s3, wishes) as probing:
            status.update(f"1/{len(LINES)} {LINES[0].meaning}")
            async for finding in findings(probing):
                found.append(finding)
                following = LINES[min(len(found), len(LINES) - 1)]
                status.update(f"{len(found) + 1}/{len(LINES)} {following.meaning}")
    return found


def _heed_sigterm() -> None:
    """As after Ctrl-C, what was written is removed first."""
    examining = asyncio.current_task()
    if examining is not None:
        asyncio.get_running_loop().add_signal_handler(SIGTERM, examining.cancel)


async def _kept(settings: DoctorSettings, found: list[Finding], operator: str | None) -> bool:
    """Where the gateway looks; one that answered to nothing but `bucket` is not a finding."""
    if settings.gateway.url is None or len(found) < len(LINES):
        return False
    lines = [Probed(item.line.name, item.works, item.detail) for item in found]
    database = PostgresSettings(url=settings.gateway.url, pool_size=2)
    place = place_of(settings.s3)
    async with (
        open_engine(database, schema=schema_of(UPLOAD_GATEWAY)) as opened,
        opened.write() as session,
    ):
        await keep_capabilities(session, place, lines)
        works = {"works": sum(line.works for line in lines), "lines": len(lines)}
        who = settings.operator.name(operator)
        await record(session, who, "doctor s3", asdict(place), works)
    return True


def _show(settings: DoctorSettings, found: list[Finding], *, kept: bool) -> None:
    words = {"required": "MISSING", "optional": "not offered", "reported": "no"}
    print_table(
        ["line", "weight", "answer", "meaning", "detail"],
        [
            (
                item.line.name,
                item.line.weight,
                "yes" if item.works else words[item.line.weight],
                item.line.meaning,
                item.detail,
            )
            for item in found
        ],
    )
    missing = [item.line.name for item in found if not item.harmless]
    if len(found) < len(LINES):
        place = f"{settings.s3.bucket} at {settings.s3.endpoint}"
        print_line(f"Nothing else was asked of {place}. {found[-1].detail}")
    elif missing:
        print_line(f"This store cannot carry the platform: {', '.join(missing)}.")
    elif kept:
        print_line("Kept: the services offer what this store was found to do.")
    else:
        print_line("Not kept: REPRISE_POSTGRES_URL_UPLOAD_GATEWAY names where features look it up.")


def _document(settings: DoctorSettings, found: list[Finding], *, kept: bool) -> dict[str, object]:
    return asdict(place_of(settings.s3)) | {
        "kept": kept,
        "usable": all(finding.harmless for finding in found),
        "lines": [
            {
                "name": item.line.name,
                "weight": item.line.weight,
                "works": item.works,
                "detail": item.detail,
                "seconds": round(item.seconds, 3),
            }
            for item in found
        ],
    }
