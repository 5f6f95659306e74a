"""Runs a service's consumers in a task of their own: HTTP starts, and goes on, without Kafka."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from common.errors import Unavailable
from common.kafka.broker import build_broker
from common.kafka.topics import missing
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.subscriber import Handle, ReliableSubscriber
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.telemetry.metrics import Metrics
from common.web.loops import Loop, wait_for

Build = Callable[[], tuple[KafkaBroker, Sequence[ReliableSubscriber]]]

START_TIMEOUT = 60.0  # seconds; a group's first join may wait for members that died
RETRY_FIRST, RETRY_CAP = 0.5, 10.0  # seconds
TURN = 1.0  # seconds between signs of life

_log = get_logger("common.subscriber")


def run_consumers(settings: KafkaSettings, build: Build) -> Loop:
    """A loop that starts what `build` gives once broker and topics exist, and stops it cleanly.

    `build` is called anew for each try. A start without a broker raises at once and one on a
    missing topic hangs for 40 s (events.md 1.8), so both are looked for first.
    """

    async def loop(stop: asyncio.Event) -> None:
        delay = RETRY_FIRST
        while not stop.is_set():
            try:
                await _serve(settings, build, stop)
            except (Unavailable, KafkaError, OSError, TimeoutError) as error:
                _log.warning(
                    "consumers.start.failed", error=str(error) or type(error).__name__, delay=delay
                )
                await wait_for(stop, delay)
                delay = min(delay * 2, RETRY_CAP)

    return loop


def consume(
    settings: KafkaSettings,
    service: str,
    handlers: Mapping[str, Handle],
    dead_letters: DeadLetters,
    metrics: Metrics,
) -> Loop:
    """A loop with one subscriber per group; `handlers` names groups of `topics.CONSUMERS`."""

    def build() -> tuple[KafkaBroker, list[ReliableSubscriber]]:
        broker = build_broker(settings, service)
        return broker, [
            ReliableSubscriber(
                broker,
                group=group,
                handle=handle,
                dead_letters=dead_letters,
                metrics=metrics,
                session_timeout=settings.session_timeout,
            )
            for group, handle in handlers.items()
        ]

    return run_consumers(settings, build)


async def _serve(settings: KafkaSettings, build: Build, stop: asyncio.Event) -> None:
    broker, subscribers = build()
    lacking = await missing(settings, [subscriber.topic.name for subscriber in subscribers])
    if lacking:
        raise Unavailable(f"no such topic: {', '.join(lacking)}", code="topic_missing")
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await broker.start()
        _log.info("consumers.started", groups=[subscriber.group for subscriber in subscribers])
        while not stop.is_set():
            _refuse_dead(broker)
            beat()
            await wait_for(stop, TURN)
    finally:
        for subscriber in subscribers:
            subscriber.stopping.set()
        await broker.stop()


def _refuse_dead(broker: KafkaBroker) -> None:
    """FastStream restarts a consumer's task that crashes; one that ended is started anew by us."""
    for subscriber in broker.subscribers:
        tasks: list[asyncio.Task[object]] = getattr(subscriber, "tasks", [])
        if tasks and all(task.done() for task in tasks):
            raise Unavailable("a consumer has ended", code="consumer_ended")
