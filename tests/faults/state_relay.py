"""A relay in a process of its own, so that it can be killed: its arguments say where it works."""

import asyncio
import json
import sys
from dataclasses import replace

from common.clock import SystemClock
from common.events.topics import CATALOG, CATALOG_STATE
from common.kafka.producer import TransactionalSender
from common.postgres.outbox import PostgresOutboxSource
from common.relay.relay import Relay
from common.settings.groups import KafkaSettings
from common.telemetry.metrics import Metrics


async def main(kafka: str, postgres: str, schema: str, topic: str, transactional_id: str) -> None:
    at = replace(CATALOG_STATE, name=topic)
    relay = Relay(
        PostgresOutboxSource(postgres, "any", schema=schema),
        lambda: TransactionalSender(
            KafkaSettings(bootstrap=kafka), transactional_id, CATALOG, topics=[at]
        ),
        service=CATALOG,
        clock=SystemClock(),
        metrics=Metrics(CATALOG),
        wake=asyncio.Event(),
        batch=3,  # a removal and what follows it are often cut apart
        watermarks=False,
    )
    await relay.loop(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
