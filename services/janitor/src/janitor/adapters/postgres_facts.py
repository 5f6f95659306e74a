"""What the janitor says, appended to the outbox in the transaction that makes it true."""

from dataclasses import dataclass, replace

from sqlalchemy import text

from common.clock import Clock
from common.events import Fact, new_message
from common.events.topics import JANITOR
from common.ids import AssetId, EventId
from common.postgres import outbox
from common.postgres.engine import WriteSession
from janitor.domain.purge_order import Cause

_NEXT = text(
    "UPDATE asset SET sequence = sequence + 1 WHERE asset_id = :asset_id RETURNING sequence"
)


@dataclass(frozen=True, slots=True)
class PostgresFacts:
    """The `Publisher` port on one write session; the asset's row is held already."""

    session: WriteSession
    clock: Clock

    async def publish(
        self, fact: Fact, *, asset_id: AssetId, event_id: EventId, cause: Cause
    ) -> None:
        sequence = await self.session.scalar(_NEXT, {"asset_id": asset_id})
        message = new_message(
            fact,
            source=JANITOR,
            key=str(asset_id),
            sequence=int(sequence),
            clock=self.clock,
            event_id=event_id,
            traceparent=cause.traceparent,
        )
        envelope = replace(
            message.envelope,
            correlation_id=cause.correlation_id or str(cause.event_id),
            causation_id=str(cause.event_id),
        )
        await outbox.append(self.session, replace(message, envelope=envelope))
