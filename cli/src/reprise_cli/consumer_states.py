"""Everything that tells whether a group does its work: reading, behind, waiting, given up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.clock import SystemClock
from common.events.topics import Topic
from common.postgres.parked_keys import count_keys
from common.postgres.pauses import PauseRow, pauses
from common.subscriber.dead_letter_log import DeadLetterLog, letter_groups
from common.subscriber.groups import GroupState, describe_groups
from common.subscriber.lag import LagReader, PartitionLag
from reprise_cli.dead_letters import entries
from reprise_cli.schemas import open_schema, service_of
from reprise_cli.settings import ConsumersSettings


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """One group. `lag_seconds` is the age of its oldest record that waits."""

    group: str
    topic: str
    pause: PauseRow | None
    members: GroupState
    partitions: int
    lag_records: int
    lag_seconds: float
    parked_keys: int
    dead_letters: int

    @property
    def paused(self) -> bool:
        """Whether it was told not to read."""
        return self.pause is not None and self.pause.paused_at is not None

    @property
    def state(self) -> str:
        """`paused`, `running`, or `nobody` when no process reads as this group."""
        if self.paused:
            return "paused"
        return "running" if self.members.members else "nobody"

    @property
    def assigned(self) -> int:
        """Partitions that some member has."""
        return sum(len(member.partitions) for member in self.members.members)


async def consumer_states(
    settings: ConsumersSettings, groups: Mapping[str, Topic]
) -> list[ConsumerState]:
    """The state of each, by name."""
    rows = await _rows(settings, groups)
    letters = await _letters(settings, groups)
    async with LagReader(settings.kafka, "reprise-consumers") as reader:
        lags = await reader.measure(groups)
        members = await describe_groups(reader.admin, groups)
    now, states = SystemClock().now(), list[ConsumerState]()
    for group, topic in sorted(groups.items()):
        pause, parked = rows[group]
        records, seconds = lag_of([lag for lag in lags if lag.group == group], now)
        states.append(
            ConsumerState(
                group,
                topic.name,
                pause,
                members[group],
                topic.partitions,
                records,
                seconds,
                parked,
                letters.get(group, 0),
            )
        )
    return states


def lag_of(lags: Sequence[PartitionLag], now: datetime) -> tuple[int, float]:
    """Records and seconds of several partitions together."""
    seconds = max((lag.seconds(now) for lag in lags), default=0.0)
    return sum(lag.records for lag in lags), seconds


async def _rows(
    settings: ConsumersSettings, groups: Mapping[str, Topic]
) -> dict[str, tuple[PauseRow | None, int]]:
    """The last pause and the parked keys of each group."""
    found: dict[str, tuple[PauseRow | None, int]] = {}
    for service in sorted(set(map(service_of, groups))):
        async with (
            open_schema(settings.postgres, service) as database,
            database.read() as session,
        ):
            paused = await pauses(session)
            for group in filter(lambda name: service_of(name) == service, groups):
                found[group] = paused.get(group), await count_keys(session, group)
    return found


async def _letters(settings: ConsumersSettings, groups: Mapping[str, Topic]) -> dict[str, int]:
    """How many dead letters of each group nobody decided about."""
    ours = {group: topic for group, topic in letter_groups().items() if group in groups}
    counts = dict.fromkeys(ours, 0)
    async with DeadLetterLog(settings.kafka) as log:
        for entry in await entries(log, settings.postgres, ours):
            counts[entry.group] += entry.undecided
    return counts
