"""`reprise token`: a bearer as the issuer would make it, for development and smoke tests."""

from enum import StrEnum
from typing import Annotated

import typer

from common.clock import SystemClock
from common.settings.reading import read
from common.web.callers import make_token, user_id_for
from reprise_cli.output import print_json
from reprise_cli.settings import TokenSettings
from reprise_cli.spans import parse_span


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
    """Print a bearer token, as `curl -H "Authorization: Bearer $(reprise token)" …` takes it.

    Example: reprise token --role admin --for 2h
    """
    callers = read(TokenSettings).callers
    now, span = SystemClock().now(), parse_span(lifetime, "--for")
    made = make_token(callers, subject=subject, role=role.value, now=now, lifetime=span)
    if not as_json:
        print(made)
        return
    key = callers.installation_key.get_secret_value().encode()
    user_id = user_id_for(key, callers.jwt_issuer, subject)
    print_json({"token": made, "user_id": user_id, "role": role, "expires_at": now + span})
