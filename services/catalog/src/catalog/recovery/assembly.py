"""Where the parts of recovery meet: for the commands, the benchmark and the tests alike."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from catalog.adapters.postgres_transactions import PostgresTransactions
from catalog.consumers.handlers import build_handlers
from catalog.recovery.adapters.details_intake import DetailsIntake
from catalog.recovery.adapters.input_intake import InputIntake
from catalog.recovery.adapters.kafka_log import KafkaLog
from catalog.recovery.adapters.live_player import LivePlayer
from catalog.recovery.adapters.postgres_histories import PostgresHistories
from catalog.recovery.adapters.postgres_leftovers import PostgresLeftovers
from catalog.recovery.adapters.postgres_rebuilding import PostgresRebuilding
from catalog.recovery.adapters.refusals import REFUSED
from catalog.recovery.adapters.state_intake import StateIntake
from catalog.recovery.adapters.told_intake import ToldIntake
from catalog.recovery.ports import Progress
from catalog.recovery.usecases.rebuild_rows import RebuildRows
from catalog.recovery.usecases.retell_history import RetellHistory
from catalog.recovery.usecases.tell_untold import TellUntold
from common.clock import Clock
from common.errors import Corrupt
from common.events import Received
from common.events.topics import (
    ASSETS,
    CATALOG_STATE,
    CONSUMERS,
    DETAILS,
    PURGES,
    RENDITIONS,
    UPLOADS,
    Topic,
)
from common.postgres.engine import Database
from common.settings.groups import KafkaSettings
from common.telemetry.metrics import Metrics

TOPICS = (CATALOG_STATE, ASSETS, UPLOADS, RENDITIONS, PURGES, DETAILS)
Places = Mapping[str, Topic]
"""Where a topic of the contract is read, by its name; tests read copies."""


def open_log(kafka: KafkaSettings, places: Places | None = None) -> KafkaLog:
    """The topics that recovery reads."""
    return KafkaLog(kafka, [(places or {}).get(topic.name, topic) for topic in TOPICS])


def build_rebuild(
    database: Database,
    log: KafkaLog,
    *,
    grace: timedelta,
    clock: Clock,
    progress: Progress,
    places: Places | None = None,
) -> RebuildRows:
    """All steps on one schema; `grace` is the setting that deletes were decided by."""
    at = {topic.name: (places or {}).get(topic.name, topic) for topic in TOPICS}
    inputs = {
        f"{name} facts": InputIntake(database, of=topic, topic=at[topic.name])
        for name, topic in (("upload", UPLOADS), ("rendition", RENDITIONS), ("purge", PURGES))
    }
    return RebuildRows(
        log=log,
        rebuilding=PostgresRebuilding(database),
        intakes={
            "state": StateIntake(database, at[CATALOG_STATE.name]),
            "own facts": ToldIntake(database, at[ASSETS.name]),
            **inputs,
        },
        names=DetailsIntake(database, at[DETAILS.name]),
        histories=PostgresHistories(database),
        retell=RetellHistory(LivePlayer(clock, grace), clock),
        progress=progress,
    )


def build_untold(
    database: Database, *, grace: timedelta, clock: Clock, progress: Progress
) -> TellUntold:
    """The live use cases on what is left."""
    transactions = PostgresTransactions(database, clock)
    handlers = {
        CONSUMERS[group].name: handle
        for group, handle in build_handlers(transactions, grace, Metrics("recovery")).items()
    }
    return TellUntold(transactions, PostgresLeftovers(database), _by_topic(handlers), progress)


def _by_topic(
    handlers: Mapping[str, Callable[[Received], Awaitable[None]]],
) -> Callable[[Received], Awaitable[None]]:
    async def handle(received: Received) -> None:
        if received.event is None:
            return
        try:
            await handlers[received.event.TOPIC.name](received)
        except REFUSED as error:
            # consumers gave up on it after a few tries; here nothing may wait for an operator
            raise Corrupt("no row can hold it", code="refused_by_database") from error

    return handle
