"""The outbox file of a node: the port's promises, and what a file adds to them."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from common.clock import SystemClock
from common.errors import Unavailable
from common.events.topics import ACCESSES, DELIVERY
from common.kafka.producer import TransactionalSender
from common.kafka.topics import apply
from common.relay.relay import Relay
from common.settings.groups import KafkaSettings
from common.telemetry.metrics import Metrics
from common.testing.kafka import read_all, redirected, scratch_topic, unique
from common.testing.outbox_source_suite import CASES, MANY, Outbox, facts
from delivery.adapters.sqlite_outbox import SqliteOutbox, SqliteOutboxSource, node_id
from delivery.adapters.sqlite_outbox_file import OutboxFile
from devstack.stack import Stack

pytestmark = pytest.mark.integration

APPENDER = """
import asyncio, sys
from pathlib import Path
from common.clock import SystemClock
from common.testing.outbox_source_suite import facts
from delivery.adapters.sqlite_outbox import SqliteOutbox
from delivery.adapters.sqlite_outbox_file import OutboxFile

async def main():
    outbox = SqliteOutbox(OutboxFile(Path(sys.argv[1])), SystemClock(), asyncio.Event())
    while True:
        await outbox.append(facts(3))
        print("kept", flush=True)

asyncio.run(main())
"""


class Node:
    """The folder of a node, and the files that its processes open there."""

    def __init__(self, folder: Path) -> None:
        self.path, self.lock = folder / "outbox.sqlite3", folder / "outbox.lock"
        self.files: list[OutboxFile] = []
        self.wake = asyncio.Event()

    def open(self, **options: int) -> OutboxFile:
        self.files.append(OutboxFile(self.path, **options))
        return self.files[-1]

    def outbox(self, **options: int) -> SqliteOutbox:
        return SqliteOutbox(self.open(**options), SystemClock(), self.wake)

    def source(self) -> SqliteOutboxSource:
        return SqliteOutboxSource(self.open(), self.lock, SystemClock())


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    for file in made.files:
        file.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_outbox_in_sqlite(node: Node, case: Callable[[Outbox], Awaitable[None]]) -> None:
    await case(Outbox(node.outbox().append, node.source))


async def test_what_was_appended_survives_the_death_of_its_process(node: Node) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", APPENDER, str(node.path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    kept = 0
    async with asyncio.timeout(20):
        while kept < 20:
            await process.stdout.readline()
            kept += 1
    process.send_signal(signal.SIGKILL)
    kept += (await process.stdout.read()).count(b"kept")
    await process.wait()

    source = node.source()
    assert await source.lead()
    rows, *_ = await source.fetch(10_000, 100 * MANY)
    await source.resign()
    assert len(rows) >= 3 * kept
    assert len(rows) % 3 == 0


async def filled(outbox: SqliteOutbox) -> int:
    """How many records fit."""
    appended = 0

    async def until_refused() -> None:
        nonlocal appended
        for appended in range(1000):  # noqa: B007
            await outbox.append(facts(1, size=5_000))

    with pytest.raises(Unavailable) as refused:
        await until_refused()
    assert refused.value.code == "outbox_full"
    return appended


async def test_a_full_outbox_refuses_and_takes_again_once_it_is_published(node: Node) -> None:
    outbox = node.outbox(max_bytes=200_000)
    appended = await filled(outbox)
    assert appended > 10

    source = node.source()
    await source.lead()
    rows, *_ = await source.fetch(1000, MANY)
    assert len(rows) == appended
    await source.mark([(row[0], 0, 0) for row in rows])
    await outbox.append(facts(1, size=5_000))
    rows, *_ = await source.fetch(1000, MANY)
    assert len(rows) == 1
    await source.resign()


async def test_a_damaged_file_is_moved_away_and_the_others_go_on_in_the_new_one(
    node: Node,
) -> None:
    outbox = node.outbox()
    await outbox.append(facts(300, size=2_000))
    await node.files[0].fold()
    content = bytearray(node.path.read_bytes())
    content[8192:-4096] = b"\xff" * (len(content) - 12_288)
    node.path.write_bytes(content)

    source = node.source()
    assert await source.lead()
    assert (await source.fetch(10, MANY))[0] == []
    assert node.path.with_name("damaged-outbox.sqlite3").exists()
    await outbox.append(facts(1))
    assert len((await source.fetch(10, MANY))[0]) == 1
    await source.resign()


async def test_a_lock_file_that_was_replaced_is_no_lock(node: Node) -> None:
    first, second = node.source(), node.source()
    assert await first.lead()
    node.lock.unlink()
    assert await second.lead()
    assert not await first.still_leader()
    with pytest.raises(Unavailable):
        await first.fetch(1, MANY)
    await second.resign()


def test_a_node_keeps_its_id_and_another_has_another(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert node_id(first) == node_id(first) != node_id(second)
    assert [file.name for file in first.iterdir()] == ["node"]


async def test_what_a_node_appends_is_in_kafka_in_order_and_gone_from_the_file(
    infra: Stack, node: Node
) -> None:
    kafka = KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])
    topic = scratch_topic(ACCESSES)
    await apply(kafka, [topic])
    relay_id = unique("relay")
    relay = Relay(
        node.source(),
        lambda: TransactionalSender(kafka, relay_id, DELIVERY, topics=[topic]),
        service=DELIVERY,
        clock=SystemClock(),
        metrics=Metrics(DELIVERY),
        wake=node.wake,
        watermarks=False,
    )
    outbox, stop = node.outbox(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(relay.loop(stop))
        for message in facts(50):
            await outbox.append([redirected(message, topic)])
        records = await read_all(kafka, topic, until=lambda found: len(found) == 50)
        stop.set()

    assert [int(dict(r.headers)["ce_sequence"]) for r in records] == list(range(1, 51))
    reader = node.source()
    assert await reader.lead()
    assert (await reader.backlog())[0] == 0
    await reader.resign()
