"""`reprise token`: a bearer as the issuer would make it, for development and smoke tests."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from common.clock import SystemClock
from common.settings.reading import read
from common.web.callers import make_token, user_id_for
from reprise_cli.output import print_json
from reprise_cli.settings import TokenSettings

_LIFETIME = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class TokenRole(StrEnum):
    """Roles there are."""

    admin = "admin"
    user = "user"


def token(
    role: Annotated[TokenRole, typer.Option(help="Role of the caller.")] = TokenRole.user,
    subject: Annotated[
        str, typer.Option("--sub", help="Subject; the same one is the same user.")
    ] = "listener@example.org",
    lifetime: Annotated[str, typer.Option("--for", help="Lifetime, as 15m, 12h or 30d.")] = "12h",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print user id and expiry beside the token.")
    ] = False,
) -> None:
    """Print a bearer token: `curl -H "Authorization: Bearer $(reprise token)" …`."""
    callers = read(TokenSettings).callers
    now, span = SystemClock().now(), _span(lifetime)
    made = make_token(callers, subject=subject, role=role.value, now=now, lifetime=span)
    if not as_json:
        print(made)
        return
    key = callers.installation_key.get_secret_value().encode()
    user_id = user_id_for(key, callers.jwt_issuer, subject)
    print_json({"token": made, "user_id": user_id, "role": role, "expires_at": now + span})


def _span(text: str) -> timedelta:
    match = _LIFETIME.fullmatch(text)
    if match is None or not int(match.group(1)):
        raise typer.BadParameter("a lifetime reads 15m, 12h or 30d", param_hint="--for")
    return timedelta(seconds=int(match.group(1)) * _UNITS[match.group(2)])
