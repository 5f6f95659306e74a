"""The relay of a service that keeps its outbox in Postgres, which is every one that has tables."""

from opentelemetry.trace import Tracer

from common.clock import Clock
from common.kafka.producer import TransactionalSender
from common.postgres.engine import Database
from common.postgres.outbox import WAKE, PostgresOutboxSource
from common.relay.relay import Relay
from common.settings.groups import KafkaSettings, PostgresSettings
from common.telemetry.metrics import Metrics
from common.web.loops import Loop


def transactional_id(service: str) -> str:
    """The fixed id of a service's relay: opening a producer with it fences every older one."""
    return f"reprise.{service}.relay"


def publish_outbox(
    kafka: KafkaSettings,
    postgres: PostgresSettings,
    service: str,
    database: Database,
    *,
    clock: Clock,
    metrics: Metrics,
    tracer: Tracer | None = None,
) -> Loop:
    """A loop that publishes what is committed to the service's outbox.

    `database` wakes it after commits of this process; the source holds a connection of its own,
    because the leader's lock must not wait in line at the pool.
    """
    relay = Relay(
        PostgresOutboxSource(postgres.url.get_secret_value(), service),
        lambda: TransactionalSender(kafka, transactional_id(service), service),
        service=service,
        clock=clock,
        metrics=metrics,
        wake=database.wake(WAKE),
        tracer=tracer,
    )
    return relay.loop
