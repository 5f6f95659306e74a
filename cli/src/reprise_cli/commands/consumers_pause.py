"""`reprise consumers pause` and `resume`: a row that the group's processes watch."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from common.postgres import fuse
from common.postgres.audit import record as record_action
from common.postgres.engine import Database, WriteSession
from common.settings.reading import read
from reprise_cli.commands.options import AsJson, Operator, Yes
from reprise_cli.output import print_json, print_line
from reprise_cli.schemas import chosen_groups, open_schema, service_of
from reprise_cli.settings import ConsumersSettings

GroupName = Annotated[str, typer.Argument(help="Consumer group, as `catalog.uploads`.")]
Change = Callable[[WriteSession], Awaitable[bool]]


def pause(
    group: GroupName,
    reason: Annotated[str, typer.Option(help="Why; shown by `list` and kept in the audit.")],
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Stop a group from reading; its records wait in Kafka, in order, and nothing is lost.

    Example: reprise consumers pause catalog.uploads --reason "before the migration" --yes
    """
    if not reason.strip():
        raise typer.BadParameter("say why, in a few words", param_hint="--reason")

    async def change(session: WriteSession) -> bool:
        return await fuse.pause(session, group, reason.strip())

    _run("pause", group, change, {"reason": reason.strip()}, (yes, operator, as_json))


def resume(
    group: GroupName, yes: Yes = False, operator: Operator = None, as_json: AsJson = False
) -> None:
    """Let a paused group read on; what paused it should be mended, or it pauses again.

    Example: reprise consumers resume catalog.uploads --yes
    """

    async def change(session: WriteSession) -> bool:
        return await fuse.resume(session, group)

    _run("resume", group, change, {}, (yes, operator, as_json))


def _run(
    verb: str,
    group: str,
    change: Change,
    parameters: dict[str, object],
    how: tuple[bool, str | None, bool],
) -> None:
    yes, operator, as_json = how
    chosen_groups(group, hint="GROUP")
    settings = read(ConsumersSettings)
    name = settings.operator.name(operator) if yes else None
    changes, reason = asyncio.run(_apply(settings, verb, group, change, parameters, name))
    if as_json:
        print_json({"done": yes, "group": group, "changes": changes, "was_paused": reason})
    elif not changes:
        was = f"is paused already ({reason})" if verb == "pause" else "is not paused"
        print_line(f"{group} {was}; nothing to do.")
    elif yes:
        print_line(f"{group}: {verb}d; its processes see that within a second or two.")
    else:
        print_line(f"Would {verb} {group}; the same with --yes does it.")


async def _apply(
    settings: ConsumersSettings,
    verb: str,
    group: str,
    change: Change,
    parameters: dict[str, object],
    operator: str | None,
) -> tuple[bool, str | None]:
    """Whether there is something to change, and why it was paused; no operator: only look."""
    async with open_schema(settings.postgres, service_of(group)) as database:
        reason = await fuse.PostgresFuse(database).paused(group)
        if operator is None:
            return (reason is None) == (verb == "pause"), reason
        return await _write(database, verb, group, change, parameters, operator), reason


async def _write(
    database: Database,
    verb: str,
    group: str,
    change: Change,
    parameters: dict[str, object],
    operator: str,
) -> bool:
    async with database.write() as session:
        changed = await change(session)
        if changed:
            given = {"group": group, **parameters}
            await record_action(session, operator, f"consumers {verb}", given, {"changed": True})
    return changed
