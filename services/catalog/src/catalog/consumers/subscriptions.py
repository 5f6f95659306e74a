"""The consumer groups as one loop that waits for Kafka, never the other way round."""

from collections.abc import Mapping

from faststream.kafka import KafkaBroker

from catalog.consumers.dispatch import Handle
from common.events.topics import CATALOG
from common.kafka.broker import build_broker
from common.settings import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.loop import run_consumers
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.metrics import Metrics
from common.web.loops import Loop


def consume(
    kafka: KafkaSettings,
    handlers: Mapping[str, Handle],
    dead_letters: DeadLetters,
    metrics: Metrics,
) -> Loop:
    """Run one subscriber per group until told to stop."""

    def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
        broker = build_broker(kafka, CATALOG)
        return broker, [
            ReliableSubscriber(
                broker, group=group, handle=handle, dead_letters=dead_letters, metrics=metrics
            )
            for group, handle in handlers.items()
        ]

    return run_consumers(kafka, build)
