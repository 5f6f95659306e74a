"""Which dead letters a command is about, and what it would do to them without `--yes`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import typer

from common.postgres.engine import Database
from common.subscriber.dead_letter_log import DeadLetterLog, letter_groups
from reprise_cli.dead_letters import Entry, Wanted, entries, named
from reprise_cli.output import count, print_json, print_line, print_table, print_warning
from reprise_cli.schemas import chosen_groups, open_schema, service_of
from reprise_cli.settings import ConsumersSettings, ServiceDatabases


@dataclass(frozen=True, slots=True)
class Choice:
    """These ids, or the undecided ones of a group (of one reason), the oldest `most` of them.

    `events` leaves out of a group what no handler can read the head of.
    """

    ids: Sequence[str]
    group: str | None
    reason: str | None
    most: int
    events: bool = False

    def __post_init__(self) -> None:
        if bool(self.ids) == bool(self.group):
            raise typer.BadParameter("name either ids or --group", param_hint="IDS")
        if self.reason and not self.group:
            raise typer.BadParameter("a reason goes with --group", param_hint="--group")

    async def read(self, log: DeadLetterLog, settings: ConsumersSettings) -> list[Entry]:
        """The entries; one that is named by its id also when somebody decided already."""
        groups = chosen_groups(self.group, letter_groups())
        found = await entries(log, settings.postgres, groups)
        if self.ids:
            return named(found, self.ids)
        wanted = Wanted(frozenset([self.reason] if self.reason else ()))
        chosen = [entry for entry in found if entry in wanted]
        return self._readable(chosen)[: self.most]

    def _readable(self, found: list[Entry]) -> list[Entry]:
        kept = [entry for entry in found if entry.event_id or not self.events]
        if len(kept) < len(found):
            left = count(len(found) - len(kept), "record")
            print_warning(f"left out: {left} that no group can read; discard or mend them by id")
        return kept


@asynccontextmanager
async def databases_of(
    settings: ServiceDatabases, chosen: Sequence[Entry]
) -> AsyncIterator[dict[str, Database]]:
    """Group to the schema of its service, for the groups of these entries."""
    groups = {entry.group for entry in chosen}
    async with AsyncExitStack() as stack:
        opened = {
            service: await stack.enter_async_context(open_schema(settings, service))
            for service in sorted(map(service_of, groups))
        }
        yield {group: opened[service_of(group)] for group in groups}


def tell_plan(verb: str, chosen: Sequence[Entry], *, as_json: bool) -> None:
    """What would be done; nothing was."""
    if as_json:
        ids = [entry.digest for entry in chosen]
        print_json({"done": False, "would": verb, "entries": ids})
    elif not chosen:
        print_line("No dead letter matches; nothing to do.")
    else:
        print_table(
            ["id", "group", "event", "reason", "now"],
            [
                (one.id, one.group, one.type or "no event of ours", one.reason, one.state)
                for one in chosen
            ],
        )
        print_line(f"Would {verb} {len(chosen)}; nothing was changed. The same with --yes does it.")
