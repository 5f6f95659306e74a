"""`reprise …`: one command for operators, from this package and from the services."""

import logging
import sys

import typer

from common.errors import RepriseError
from common.settings.reading import BadSettings
from reprise_cli.commands import keys, openapi, settings_reference, setup, token, topics
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
app.add_typer(topics.app, name="topics")
for name, commands in service_commands():
    app.add_typer(commands, name=name)


def main() -> None:
    """Run the command; errors of ours end it with a sentence, not with a traceback."""
    logging.getLogger().addHandler(logging.NullHandler())  # libraries keep quiet, we speak
    try:
        app()
    except (RepriseError, BadSettings) as error:
        sys.exit(tell(error))
