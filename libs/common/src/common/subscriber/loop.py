"""Runs a service's consumers in a task of their own: HTTP starts, and goes on, without Kafka."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber

from common.errors import Unavailable
from common.kafka.letting_go import let_go
from common.kafka.topics import missing
from common.settings.groups import KafkaSettings
from common.subscriber.subscriber import ReliableSubscriber
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.web.loops import Loop, wait_for

Build = Callable[[], tuple[KafkaBroker, Sequence[ReliableSubscriber]]]

START_TIMEOUT = 60.0  # seconds; a group's first join may wait for members that died
RETRY_FIRST, RETRY_CAP = 0.5, 10.0  # seconds
TURN = 0.5  # seconds between signs of life, and between two looks at the fuse
TOPICS_EVERY, TOPICS_TIMEOUT = 5.0, 2.0  # seconds between looks for removed topics, and for a look

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
                why = str(error) or type(error).__name__
                _log.warning("consumers.start.failed", error=why, delay=delay)
                beat()
                await wait_for(stop, delay)
                delay = min(delay * 2, RETRY_CAP)

    return loop


async def _serve(settings: KafkaSettings, build: Build, stop: asyncio.Event) -> None:
    broker, subscribers = build()
    lacking = await missing(settings, [subscriber.lane.topic.name for subscriber in subscribers])
    if lacking:
        raise _missing(lacking)
    try:
        for subscriber in subscribers:
            await subscriber.lane.gate.look()  # a paused group takes nothing, not even once
        async with asyncio.timeout(START_TIMEOUT):
            await broker.start()
        _tell_running(subscribers, running=True)
        topics = {subscriber.lane.topic.name for subscriber in subscribers}
        turns = 0
        while not stop.is_set():
            _refuse_dead(broker)
            for subscriber in subscribers:
                await subscriber.refuse_lost_log()
            turns += 1
            if turns % round(TOPICS_EVERY / TURN) == 0:
                await _refuse_removed(broker, topics)
            await _follow_fuses(subscribers)
            beat()
            await wait_for(stop, TURN)
    finally:
        _tell_running(subscribers, running=False)
        for subscriber in subscribers:
            subscriber.stopping.set()
        await let_go(broker)


def _tell_running(subscribers: Sequence[ReliableSubscriber], *, running: bool) -> None:
    for subscriber in subscribers:
        subscriber.lane.metrics.running.set(running)
    groups = [subscriber.lane.group for subscriber in subscribers]
    _log.info("consumers.started" if running else "consumers.stopped", groups=groups)


async def _refuse_removed(broker: KafkaBroker, topics: set[str]) -> None:
    """A topic that was removed leaves its consumer without partitions, and silent about it.

    The library would look again after minutes; who starts anew waits for the topic and says so.
    """
    consumers = [one.consumer for one in broker.subscribers if isinstance(one, BatchSubscriber)]
    asked = next((consumer for consumer in consumers if consumer is not None), None)
    if asked is None:
        return
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(TOPICS_TIMEOUT):
            known = await asked.topics()
            if lacking := topics - known:
                raise _missing(lacking)


def _missing(topics: Collection[str]) -> Unavailable:
    return Unavailable(f"no such topic: {', '.join(sorted(topics))}", code="topic_missing")


async def _follow_fuses(subscribers: Sequence[ReliableSubscriber]) -> None:
    for subscriber in subscribers:
        try:
            await subscriber.lane.gate.look()
        except Unavailable as error:
            _log.warning("fuse.unknown", group=subscriber.lane.group, code=error.code)
        subscriber.follow_fuse()


def _refuse_dead(broker: KafkaBroker) -> None:
    """FastStream restarts a consumer's task that crashes; one that ended is started anew by us."""
    for subscriber in broker.subscribers:
        tasks: list[asyncio.Task[object]] = getattr(subscriber, "tasks", [])
        if tasks and all(task.done() for task in tasks):
            raise Unavailable("a consumer has ended", code="consumer_ended")
