"""The log against the live tables: no difference that is not there, and each one that is."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.integration.scratch_log import ScratchLog, Unwatched
from services.catalog.tests.life import Life, lived_on, some_steps
from services.catalog.tests.story import Story
from sqlalchemy import text

from catalog.recovery.adapters.postgres_comparison import PostgresComparison
from catalog.recovery.domain.verification import Verified
from catalog.recovery.usecases.verify_catalog import VerifyCatalog
from common.clock import SystemClock
from common.errors import Unavailable
from common.events import Message
from common.postgres.outbox import PostgresOutboxSource
from common.testing.postgres import scratch
from common.testing.waiting import eventually
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@dataclass
class Verifying:
    """A live catalog, its log, and the comparison of the two."""

    infra: Stack
    catalog: RealCatalog
    log: ScratchLog

    async def live(self, seeds: Sequence[int]) -> list[Life]:
        """So many lives; what they told reaches the log."""
        lives = [await lived_on(self.catalog.transactions, some_steps(seed)) for seed in seeds]
        for life in lives:
            await self.log.hear(life.inputs)
        await self.publish()
        return lives

    async def publish(self, *, leave_out: UUID | None = None) -> None:
        """As the relay does: in the order of positions, then marked."""
        source = PostgresOutboxSource(
            self.catalog.schema.url, "catalog", schema=self.catalog.schema.name
        )
        assert await source.lead()
        while rows := (await source.fetch(1000, 1 << 30))[0]:
            await self.log.tell(_without(leave_out, [message for _, message in rows]))
            await source.mark([(position, 0, number) for number, (position, _) in enumerate(rows)])
        await source.resign()

    async def verify(self) -> Verified:
        admin = self.infra.env["REPRISE_POSTGRES_ADMIN_URL"]
        async with scratch(admin, "catalog") as schema:
            return await VerifyCatalog(
                self.log.log(),
                self.log.rebuild(schema.database, grace=timedelta()),
                PostgresComparison(schema.database, self.catalog.schema.name),
                SystemClock(),
                patience=2,
            )()


def _without(event_id: UUID | None, messages: list[Message]) -> list[Message]:
    return [message for message in messages if message.envelope.id != event_id]


@pytest.fixture
async def verifying(infra: Stack, catalog: RealCatalog) -> Verifying:
    log = await ScratchLog(infra.env["REPRISE_KAFKA_BOOTSTRAP"]).make()
    return Verifying(infra, catalog, log)


async def test_random_lives_are_the_same_in_the_log(verifying: Verifying) -> None:
    await verifying.live(range(40))
    verified = await verifying.verify()
    assert verified.differences == ()
    assert verified.unexplained == verified.moved == verified.waiting == 0
    assert verified.compared > 60


@pytest.mark.long
async def test_ten_thousand_random_commands_and_facts_are_the_same_in_the_log(
    verifying: Verifying,
) -> None:
    steps, seed = 0, itertools.count(5000)
    seeds: list[int] = []
    while steps < 10_000:
        seeds.append(next(seed))
        steps += len(some_steps(seeds[-1]))
    await verifying.live(seeds)
    verified = await verifying.verify()
    assert verified.differences == ()
    assert verified.unexplained == verified.moved == verified.waiting == 0


TAMPERING = {
    "asset": "UPDATE asset SET reason = 'other' WHERE asset_id = :one",
    "rendition": "DELETE FROM rendition WHERE asset_id = :one",
    "library": "DELETE FROM library WHERE asset_id = :one",
    "names": "UPDATE names SET file_name = 'other' WHERE asset_id = :one",
    "outbox": "UPDATE outbox SET payload = '{}' WHERE key = CAST(CAST(:one AS uuid) AS text)"
    " AND topic = 'media.assets.v1' AND sequence = 1",
}


@pytest.mark.parametrize("table", TAMPERING)
async def test_a_changed_row_is_found(verifying: Verifying, table: str) -> None:

    story = Story(clock=SystemClock())
    heard = [*story.to_ready(), story.named("a.flac")]
    await verifying.catalog.ways_in.hear(heard)
    await verifying.log.hear(heard)
    await verifying.publish()
    await verifying.catalog.run(TAMPERING[table], one=story.asset_id)
    verified = await verifying.verify()
    assert {item.table for item in verified.differences} == {table}
    assert not verified.same


NAMES = {
    "lost": ("DELETE FROM names WHERE asset_id = :one", "only in the log"),
    "behind": ("UPDATE names SET sequence = 0 WHERE asset_id = :one", "behind the log"),
    "past": ("UPDATE names SET sequence = 9 WHERE asset_id = :one", "past the log"),
    "of others": (
        "INSERT INTO names VALUES (:one, 'somebody', 1, NULL, '{\"a\": \"b\"}', '{}', NULL, NULL)",
        "not in the topic",
    ),
}


@pytest.mark.parametrize("case", NAMES)
async def test_names_are_compared_from_both_sides(verifying: Verifying, case: str) -> None:
    story = Story(clock=SystemClock())
    heard = [*story.to_ready(), story.named("a.flac")]
    await verifying.catalog.ways_in.hear(heard)
    await verifying.log.hear(heard)
    await verifying.publish()
    statement, detail = NAMES[case]
    await verifying.catalog.run(statement, one=story.asset_id)
    (found,) = (await verifying.verify()).differences
    assert (found.table, found.subject) == ("names", str(story.asset_id))
    assert found.detail.endswith(f": {detail}")


async def test_names_that_are_read_meanwhile_are_no_difference(verifying: Verifying) -> None:
    story = Story(clock=SystemClock())
    heard = story.to_ready()
    await verifying.catalog.ways_in.hear(heard)
    named = story.named("a.flac")
    await verifying.log.hear([*heard, named])
    await verifying.publish()
    verifying.log.progress = watched = Unwatched()
    async with asyncio.TaskGroup() as group:
        verification = group.create_task(verifying.verify())
        await eventually(lambda: "names" in watched.steps, timeout=30)
        await verifying.catalog.ways_in.hear([named])
    assert verification.result().same


async def test_a_record_that_the_log_lost_is_found(verifying: Verifying) -> None:

    story = Story(clock=SystemClock())
    heard = story.to_ready()
    await verifying.catalog.ways_in.hear(heard)
    await verifying.log.hear(heard)
    async with verifying.catalog.database.read() as session:
        lost = await session.scalar(
            text("SELECT event_id FROM outbox WHERE type = 'reprise.asset.ready.v1'")
        )
    await verifying.publish(leave_out=lost)
    verified = await verifying.verify()
    assert [(item.table, item.subject) for item in verified.differences] == [
        ("outbox", str(story.asset_id))
    ]


async def test_what_changes_meanwhile_is_no_difference(verifying: Verifying) -> None:
    """The log is past the snapshot, and the live catalog is past what was read of the log."""
    (life,) = await verifying.live([7])
    assert life.inputs
    admin = verifying.infra.env["REPRISE_POSTGRES_ADMIN_URL"]
    async with scratch(admin, "catalog") as schema:
        comparison = PostgresComparison(schema.database, verifying.catalog.schema.name)
        await comparison.take_snapshot()
        await verifying.live([11, 12])
        await verifying.log.rebuild(schema.database)(await verifying.log.log().ends())
        await verifying.live([13])
        await comparison.compare_standings()
        looked = await comparison.look_again()
        assert looked
        assert await comparison.look_again() == []
        assert await comparison.look_again_at_names()
        assert await comparison.look_again_at_names() == 0
        assert await comparison.differences(looked) == []


async def test_a_relay_that_stands_still_is_named(verifying: Verifying) -> None:

    await lived_on(verifying.catalog.transactions, some_steps(3))
    with pytest.raises(Unavailable, match="relay"):
        await verifying.verify()
