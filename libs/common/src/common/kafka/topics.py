"""Topics are provisioned here and nowhere else: compare what is with what shall be."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from common.clock import Clock, SystemClock
from common.errors import Conflict, Unavailable
from common.events import EpochState, decode, new_message
from common.events.topics import CATALOG, CATALOG_STATE, TOPICS, Topic, dead_letter_topics
from common.ids import new_event_id
from common.kafka.producer import TransactionalSender
from common.settings.groups import KafkaSettings

ALL_TOPICS = TOPICS + dead_letter_topics()
TIMEOUT = 30.0  # seconds for the whole of one command
REPLICAS = 3  # of each topic, where there are as many brokers
_ALREADY_EXISTS = 36


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: to create, to adjust, or (partitions) what nobody may change."""

    kind: Literal["create", "configure", "epoch", "refused"]
    topic: Topic
    detail: str


async def diff(settings: KafkaSettings, topics: Sequence[Topic] = ALL_TOPICS) -> list[Change]:
    """What `apply` would do; raises Unavailable without a broker."""
    async with _admin(settings) as admin:
        return await _compare(admin, topics)


async def apply(
    settings: KafkaSettings,
    topics: Sequence[Topic] = ALL_TOPICS,
    *,
    clock: Clock | None = None,
    state: Topic = CATALOG_STATE,
) -> list[Change]:
    """Create and adjust; running it again changes nothing. Returns what was done.

    Raises Conflict, before changing anything, when a topic has another number of partitions:
    changing it would move keys to other partitions and break their order. The first record of the
    `state` topic, `meta/epoch`, is written here.
    """
    async with _admin(settings) as admin:
        changes = await _compare(admin, topics)
        refused = [change.detail for change in changes if change.kind == "refused"]
        if refused:
            raise Conflict("; ".join(refused), code="partition_count")
        await _create(admin, [change.topic for change in changes if change.kind == "create"])
        await _configure(admin, [change.topic for change in changes if change.kind == "configure"])
    if state in topics and await _write_epoch(settings, state, clock or SystemClock()):
        changes.append(Change("epoch", state, "write meta/epoch"))
    return changes


async def missing(settings: KafkaSettings, names: Sequence[str]) -> list[str]:
    """Those of `names` that do not exist: consuming from one would hang for 40 s."""
    async with _admin(settings) as admin:
        known = set(await admin.list_topics())
        return [name for name in names if name not in known]


async def _compare(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[Change]:
    known = {info["topic"]: len(info["partitions"]) for info in await admin.describe_topics()}
    present = [topic for topic in topics if topic.name in known]
    configs = await _configs(admin, present)
    changes = [
        Change("create", topic, f"create {topic.name} ({topic.partitions} partitions)")
        for topic in topics
        if topic.name not in known
    ]
    for topic in present:
        changes += _differences(topic, known[topic.name], configs[topic.name])
    return changes


def _differences(topic: Topic, partitions: int, config: dict[str, str]) -> list[Change]:
    if partitions != topic.partitions:
        text = f"{topic.name} has {partitions} partitions and must have {topic.partitions}"
        return [Change("refused", topic, text)]
    wrong = [
        f"{name}={config.get(name)} -> {value}"
        for name, value in topic.config().items()
        if config.get(name) != value
    ]
    return [Change("configure", topic, f"{topic.name}: {', '.join(wrong)}")] if wrong else []


async def _configs(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic]
) -> dict[str, dict[str, str]]:
    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    found: dict[str, dict[str, str]] = {}
    responses: list[Any] = await admin.describe_configs(resources)
    for response in responses:
        for code, message, _, name, entries in response.resources:
            if code:
                raise Unavailable(f"settings of {name}: {message}", code="kafka_unavailable")
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    if not topics:
        return
    brokers = (await admin.describe_cluster())["brokers"]
    copies = min(REPLICAS, len(brokers))
    new = [
        NewTopic(topic.name, topic.partitions, copies, topic_configs=topic.config())
        for topic in topics
    ]
    response: Any = await admin.create_topics(new)
    for name, code, *_ in response.topic_errors:
        if code and code != _ALREADY_EXISTS:
            raise Unavailable(f"{name}: {for_code(code).__name__}", code="kafka_unavailable")
    await _visible(admin, {topic.name for topic in topics})


async def _visible(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """Wait until the brokers know what the controller has made; `_admin` bounds the wait."""
    while names:
        known = await admin.describe_topics()
        led = {
            info["topic"]
            for info in known
            if info["partitions"] and all(p["leader"] >= 0 for p in info["partitions"])
        }
        names = names - led
        if names:
            await asyncio.sleep(0.05)


async def _configure(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    if topics:
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, t.name, configs=t.config()) for t in topics]
        )


async def _write_epoch(settings: KafkaSettings, topic: Topic, clock: Clock) -> bool:
    """The first record of the state topic, once: another epoch means that Kafka was lost."""
    epoch = EpochState(epoch=new_event_id())
    message = new_message(epoch, source=CATALOG, key="meta/epoch", sequence=1, clock=clock)
    sender = TransactionalSender(settings, "reprise.setup", CATALOG, topics=[topic])
    # opened first: it ends the transaction of a setup that was killed before its commit, and what
    # that left takes up offsets without being a record
    async with sender:
        if await _first_record(settings, topic) is not None:
            return False
        await sender.send_batch([replace(message, topic=topic.name)])
    return True


async def epoch(settings: KafkaSettings, topic: Topic = CATALOG_STATE) -> str:
    """What names this log apart from one that was lost before it; empty before `apply` made it."""
    if await missing(settings, [topic.name]):
        return ""
    first = await _first_record(settings, topic)
    event = decode(first.key, first.headers, first.value).event if first else None
    return str(event.epoch) if isinstance(event, EpochState) else ""


async def _first_record(settings: KafkaSettings, topic: Topic) -> Any:
    """The first that was ever committed to the one partition of this topic, or None."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    partition = TopicPartition(topic.name, 0)
    try:
        async with asyncio.timeout(TIMEOUT):
            await consumer.start()
            consumer.assign([partition])
            end = (await consumer.end_offsets([partition]))[partition]
            while await consumer.position(partition) < end:
                got = await consumer.getmany(partition, timeout_ms=100, max_records=1)
                if found := got.get(partition):
                    return found[0]
            return None
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
    finally:
        await consumer.stop()


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap, request_timeout_ms=10_000)
    try:
        async with asyncio.timeout(TIMEOUT):
            await admin.start()
            yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable("Kafka does not answer", code="kafka_unavailable") from error
    finally:
        await admin.close()
