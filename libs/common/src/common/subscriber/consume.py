"""All that a service's role `consumers` runs, from a table of handlers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faststream.kafka import KafkaBroker

from common.events.topics import CONSUMERS
from common.kafka.broker import build_broker
from common.postgres.engine import Database
from common.postgres.fuse import PostgresFuse
from common.postgres.parked import PostgresParking
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lag_metrics import export_lag
from common.subscriber.lane import Handle, HandleMany, Lane
from common.subscriber.loop import run_consumers
from common.subscriber.retrier import Retrier
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics
from common.web.health import Check
from common.web.loops import Loop


@dataclass(frozen=True, slots=True)
class Consumption:
    """The loops of the role, and a check for each group that is red while the group is paused."""

    loops: Mapping[str, Loop]
    checks: Sequence[Check]


def consume(
    settings: KafkaSettings,
    service: str,
    handlers: Mapping[str, Handle],
    dead_letters: DeadLetters,
    metrics: Metrics,
    database: Database,
    *,
    together: Mapping[str, HandleMany] | None = None,
    required: bool = False,
) -> Consumption:
    """One subscriber per group, and what drains the records that wait.

    `handlers` names groups of `topics.CONSUMERS`; `together` those of them that take the records
    of one poll in one transaction. `required` makes a paused group count for readiness: where a
    process serves HTTP too, it must not (design §6).
    """
    many, fuse = together or {}, PostgresFuse(database)
    lanes = [
        Lane(
            group,
            CONSUMERS[group],
            handle,
            dead_letters,
            metrics,
            handle_many=many.get(group),
            parking=PostgresParking(database, group),
            fuse=fuse,
        )
        for group, handle in handlers.items()
    ]

    def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
        broker, timeout = build_broker(settings, service), settings.session_timeout
        return broker, [ReliableSubscriber(broker, lane, session_timeout=timeout) for lane in lanes]

    loops = {
        "consumers": run_consumers(settings, build),
        "parked": Retrier(lanes).loop,
        "lag": export_lag(settings, service, metrics),
    }
    checks = [Check(f"consumer:{lane.group}", lane.gate.check, required) for lane in lanes]
    return Consumption(loops, checks)
