"""The services' schemas, opened by the operator with each service's own address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import typer
from pydantic import SecretStr

from common.errors import Unavailable
from common.events.topics import CONSUMERS, Topic
from common.postgres.engine import Database, open_engine
from common.postgres.provision import schema_of
from common.settings.groups import PostgresSettings
from reprise_cli.settings import ServiceDatabases

_CONNECTIONS = 2


@asynccontextmanager
async def open_schema(settings: ServiceDatabases, service: str) -> AsyncIterator[Database]:
    """The schema of a service. A database that fails is told by the service's name."""
    url = SecretStr(settings.url_of(service))
    try:
        async with open_engine(
            PostgresSettings(url=url, pool_size=_CONNECTIONS), schema=schema_of(service)
        ) as database:
            yield database
    except Unavailable as error:
        if not error.code.startswith("database_"):
            raise
        raise Unavailable(f"{service}: {error.detail}", code=error.code) from error


def service_of(group: str) -> str:
    """The service whose group it is; its schema holds what the group parked and decided."""
    return group.split(".", 1)[0]


def chosen_groups(
    group: str | None, among: dict[str, Topic] | None = None, *, hint: str = "--group"
) -> dict[str, Topic]:
    """The group of this name, or all; BadParameter lists what there is."""
    known = CONSUMERS if among is None else among
    if group is None:
        return dict(known)
    if group not in known:
        raise typer.BadParameter(
            f"no such consumer group; there are {', '.join(sorted(known))}", param_hint=hint
        )
    return {group: known[group]}
