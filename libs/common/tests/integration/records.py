"""Facts, topics and senders that the integration tests of streams share."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from common.clock import SystemClock
from common.events import Message, UploadWithdrawn, new_message
from common.events.topics import UPLOAD_GATEWAY, UPLOADS, WATERMARKS, Topic
from common.ids import new_asset_id, new_upload_id
from common.kafka.producer import TransactionalSender
from common.kafka.topics import apply
from common.postgres.engine import Database
from common.postgres.outbox import append
from common.settings.groups import KafkaSettings
from common.testing.kafka import Record, redirected, scratch_topic

SERVICE = UPLOAD_GATEWAY


def fact(
    asset_id: UUID, sequence: int, topic: Topic = UPLOADS, traceparent: str | None = None
) -> Message:
    message = new_message(
        UploadWithdrawn(
            asset_id=asset_id, upload_id=new_upload_id(), user_id=new_asset_id(), kind="audio"
        ),
        source=SERVICE,
        key=str(asset_id),
        sequence=sequence,
        clock=SystemClock(),
        traceparent=traceparent,
    )
    return redirected(message, topic)


async def fresh_topic(kafka: KafkaSettings, like: Topic = UPLOADS) -> Topic:
    topic = scratch_topic(like)
    await apply(kafka, [topic, WATERMARKS])
    return topic


def sender_for(
    kafka: KafkaSettings, topic: Topic, transactional_id: str
) -> Callable[[], AbstractAsyncContextManager[TransactionalSender]]:
    return lambda: TransactionalSender(kafka, transactional_id, SERVICE, topics=[topic, WATERMARKS])


async def append_all(database: Database, messages: Sequence[Message]) -> None:
    for message in messages:
        async with database.write() as session:
            await append(session, message)


def sequences(records: Sequence[Record], key: UUID | None = None) -> list[int]:
    chosen = [r for r in records if key is None or r.key == str(key).encode()]
    return [int(dict(record.headers)["ce_sequence"]) for record in chosen]
