"""Somebody is removed from a circle, then something is published to it: never seen reversed.

The records have nothing in common but the order of their commits, and the relay is killed between.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from common.clock import SystemClock
from common.events import CircleMemberState, Message, PostState, decode, new_message, tombstone
from common.events.topics import CATALOG, CATALOG_STATE, Topic
from common.ids import new_asset_id
from common.kafka.topics import apply
from common.postgres.outbox import append
from common.postgres.schema import OUTBOX_V1, OUTBOX_V2
from common.settings.groups import KafkaSettings
from common.subscriber.state import StateBatch, read_state
from common.testing.kafka import redirected, scratch_topic, unique
from common.testing.postgres import ScratchSchema, scratch
from common.testing.waiting import eventually
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180), pytest.mark.long]

ROUNDS, KILLS = 60, 4
CLOCK = SystemClock()
RELAY = Path(__file__).with_name("state_relay.py")


@dataclass
class Reader:
    """Applies a record only when its sequence is higher, as every reader of state does."""

    members: set[UUID] = field(default_factory=set)
    removed: set[UUID] = field(default_factory=set)
    posts: list[UUID] = field(default_factory=list)
    leaks: list[UUID] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, batch: StateBatch) -> None:
        for record in batch.records:
            received = decode(record.key, record.headers, record.value)
            if received.envelope.sequence <= self.known.get(record.key, 0):
                continue
            self.known[record.key] = received.envelope.sequence
            self._apply(received.event, received.key)
        if len(self.posts) >= ROUNDS:
            self.enough.set()

    def knows(self, count: int) -> bool:
        """So many entities, or all there will ever be."""
        return len(self.known) >= count or self.enough.is_set()

    def _apply(self, event: object, key: str) -> None:
        if isinstance(event, PostState):
            self.posts.append(event.post_id)
            # the post bears the id of who must not see it
            if event.post_id in self.members or event.post_id not in self.removed:
                self.leaks.append(event.post_id)
        elif isinstance(event, CircleMemberState):
            self.members.add(event.member_id)
        elif key.startswith("circle-member/"):
            member = UUID(key.rsplit("/", 1)[1])
            self.members.discard(member)
            self.removed.add(member)


def story_of(circle: UUID, member: UUID, owner: UUID) -> list[Message]:
    """In, out, and then a post to the circle that the member was in."""
    into = CircleMemberState(circle_id=circle, member_id=member, since=CLOCK.now())
    post = PostState(
        post_id=member,
        user_id=owner,
        visibility="circle",
        circles=(circle,),
        created_at=CLOCK.now(),
    )
    key = into.record_key()
    out = tombstone(CATALOG_STATE, type=into.TYPE, source=CATALOG, key=key, sequence=2, clock=CLOCK)
    told = [
        new_message(event, source=CATALOG, key=event.record_key(), sequence=1, clock=CLOCK)
        for event in (into, post)
    ]
    return [told[0], out, told[1]]


@asynccontextmanager
async def relaying(where: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(RELAY), json.dumps(where), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def write(schema: ScratchSchema, topic: Topic) -> None:
    """Each record is a transaction of its own, as the commands that make them are."""
    circle, owner = new_asset_id(), new_asset_id()
    for _ in range(ROUNDS):
        for message in story_of(circle, new_asset_id(), owner):
            async with schema.database.write() as session:
                await append(session, redirected(message, topic))


async def kill_relays(where: dict[str, str], chance: random.Random, reader: Reader) -> None:
    for _ in range(KILLS):
        async with relaying(where):
            more = len(reader.known) + chance.randrange(1, 8)
            await eventually(partial(reader.knows, more), timeout=60)
    async with relaying(where):
        await reader.enough.wait()


async def test_who_was_removed_never_sees_what_was_published_afterwards(infra: Stack) -> None:
    kafka = KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])
    topic, chance, reader = scratch_topic(CATALOG_STATE), random.Random(4), Reader()
    await apply(kafka, [topic])
    ddl = (*OUTBOX_V1, *OUTBOX_V2)
    async with scratch(infra.env["REPRISE_POSTGRES_ADMIN_URL"], ddl=ddl) as schema:
        where = {
            "kafka": kafka.bootstrap,
            "postgres": schema.url,
            "schema": schema.name,
            "topic": topic.name,
            "transactional_id": unique("state-relay"),
        }
        async with asyncio.TaskGroup() as group:
            group.create_task(write(schema, topic))
            group.create_task(kill_relays(where, chance, reader))
            await read_state(kafka, topic, start_offset=0, on_batch=reader.take, stop=reader.enough)
    assert reader.leaks == []
    assert len(set(reader.posts)) == ROUNDS
