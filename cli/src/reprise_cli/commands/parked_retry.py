"""`reprise parked retry`: now, instead of when the backoff is over."""

import asyncio
from typing import Annotated

import typer

from common.errors import NotFound
from common.postgres.audit import record as record_action
from common.postgres.parked_keys import parked_keys, retry_now
from common.settings.reading import read
from reprise_cli.commands.options import AsJson, Operator, Yes
from reprise_cli.output import count, print_json, print_line
from reprise_cli.schemas import chosen_groups, open_schema, service_of
from reprise_cli.settings import ConsumersSettings


def retry(
    group: Annotated[str, typer.Option("--group", help="Consumer group.")],
    key: Annotated[str | None, typer.Option(help="Only this key; else all of the group.")] = None,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Make parked keys due at once; the group's own process tries them within seconds.

    Example: reprise parked retry --group catalog.renditions --yes
    """
    chosen_groups(group)
    settings = read(ConsumersSettings)
    keys = asyncio.run(
        _retry(settings, group, key, settings.operator.name(operator) if yes else None)
    )
    if as_json:
        print_json({"done": yes, "group": group, "keys": keys})
    elif yes:
        print_line(f"due now in {group}: {count(keys, 'key')}; what is left: reprise parked list")
    else:
        print_line(f"Would make {count(keys, 'key')} of {group} due; the same with --yes does it.")


async def _retry(
    settings: ConsumersSettings, group: str, key: str | None, operator: str | None
) -> int:
    async with open_schema(settings.postgres, service_of(group)) as database:
        async with database.read() as reading:
            keys = len(await parked_keys(reading, group, key))
        if key is not None and not keys:
            raise NotFound(f"{group} has parked nothing of {key}", code="not_parked")
        if operator is None:
            return keys
        async with database.write() as session:
            keys = await retry_now(session, group, key)
            parameters = {"group": group, "parked_key": key}
            await record_action(session, operator, "parked retry", parameters, {"keys": keys})
        return keys
