"""`reprise keys`: a fresh set of secrets for the environment of an installation."""

import secrets
from typing import Annotated

import typer

from reprise_cli.output import print_json

_PLAIN = (
    "REPRISE_JWT_SECRET",
    "REPRISE_INSTALLATION_KEY",
    "MEDIA_S3_SECRET_ACCESS_KEY",
    "REPRISE_POSTGRES_ADMIN_PASSWORD",
    "REPRISE_POSTGRES_PASSWORD_UPLOAD_GATEWAY",
    "REPRISE_POSTGRES_PASSWORD_CATALOG",
    "REPRISE_POSTGRES_PASSWORD_TRANSCODER",
    "REPRISE_POSTGRES_PASSWORD_JANITOR",
)
_RINGS = ("MEDIA_TOKEN_SECRET", "REPRISE_PUBLIC_TOKEN_SECRET", "REPRISE_RECEIPT_SECRET")


def keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print an object of strings.")] = False,
) -> None:
    """Print new random secrets as lines of an environment file.

    Example: reprise keys > .env
    """
    made = {name: secrets.token_urlsafe(32) for name in _PLAIN}
    made |= {name: f"k1:{secrets.token_urlsafe(32)}" for name in _RINGS}
    if as_json:
        print_json(made)
        return
    for name, value in made.items():
        print(f"{name}={value}")
