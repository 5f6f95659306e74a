"""`reprise …`: one command for operators, from this package and from the services."""

import sys

import typer

from common.errors import RepriseError
from common.settings.reading import BadSettings
from common.telemetry.logs import configure_for_commands
from reprise_cli.commands import (
    consumers,
    dlq,
    doctor,
    events,
    fsck,
    keys,
    lag,
    openapi,
    outbox,
    parked,
    settings_reference,
    setup,
    state,
    token,
    topics,
)
from reprise_cli.entry_points import service_commands
from reprise_cli.failures import tell

app = typer.Typer(
    name="reprise",
    help="Operate a Reprise installation. Addresses and secrets come from the environment; "
    "for the stack of `make up`: `. .dev/env`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

app.command("setup")(setup.setup)
app.command("token")(token.token)
app.command("keys")(keys.keys)
app.command("settings")(settings_reference.settings)
app.command("openapi")(openapi.openapi)
app.command("events")(events.events)
app.command("fsck")(fsck.fsck)
app.add_typer(topics.app, name="topics")
app.add_typer(outbox.app, name="outbox")
app.add_typer(dlq.app, name="dlq")
app.add_typer(parked.app, name="parked")
app.add_typer(consumers.app, name="consumers")
app.command("lag")(lag.lag)
app.add_typer(doctor.app, name="doctor")
app.add_typer(state.app, name="state")

GROUPS = {
    "recover": "Bring a service's tables back from the log, into an empty schema.",
    "verify": "Rebuild in a scratch schema and compare with what lives.",
    "uploads": "Uploads that wait for an operator.",
    "rebuild": "Build a projection anew beside the live one, compare, swap.",
}


def add_service_commands(root: typer.Typer) -> None:
    """`<group> <command>` of each service, under groups that several services may share."""
    groups: dict[str, typer.Typer] = {}
    for (group, name), command in service_commands():
        if group not in groups:
            groups[group] = typer.Typer(help=GROUPS[group], no_args_is_help=True)
            root.add_typer(groups[group], name=group)
        groups[group].command(name)(command)


add_service_commands(app)


def main() -> None:
    """Run the command; errors of ours end it with a sentence, not with a traceback."""
    configure_for_commands()
    try:
        app()
    except (RepriseError, BadSettings) as error:
        sys.exit(tell(error))
