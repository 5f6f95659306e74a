"""Where a benchmark runs and how large it is, and the outbox rows that all of them use."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID

from common.clock import SystemClock
from common.events import Message, UploadWithdrawn, new_message
from common.events.topics import UPLOAD_GATEWAY, Topic
from common.ids import new_asset_id, new_upload_id
from common.postgres.schema import OUTBOX_V1, OUTBOX_V2
from common.settings.groups import KafkaSettings
from common.testing.kafka import redirected
from common.testing.postgres import ScratchSchema, scratch


@dataclass(frozen=True, slots=True)
class Place:
    """Real broker, real database; schemas and topics are a benchmark's own."""

    kafka: KafkaSettings
    postgres: str
    rows: int
    keys: int
    entities: tuple[int, ...]

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--kafka", required=True)
        parser.add_argument("--postgres", required=True)
        parser.add_argument("--rows", type=int, default=30_000)
        parser.add_argument("--keys", type=int, default=1_000)
        parser.add_argument("--entities", type=int, nargs="+", default=[10_000, 50_000])

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        kafka = KafkaSettings(bootstrap=options.kafka)
        return cls(kafka, options.postgres, options.rows, options.keys, tuple(options.entities))

    @asynccontextmanager
    async def outbox(self) -> AsyncIterator[ScratchSchema]:
        async with scratch(self.postgres, ddl=[*OUTBOX_V1, *OUTBOX_V2]) as schema:
            yield schema


def fact(asset: UUID, sequence: int, topic: Topic) -> Message:
    event = UploadWithdrawn(
        asset_id=asset, upload_id=new_upload_id(), user_id=new_asset_id(), kind="audio"
    )
    message = new_message(
        event, source=UPLOAD_GATEWAY, key=str(asset), sequence=sequence, clock=SystemClock()
    )
    return redirected(message, topic)


def half_kilobyte(message: Message) -> Message:
    """The same with a payload that an event of ours has on average."""
    return replace(message, payload=(message.payload or b"").ljust(500))
