"""Note what other services say of an upload's asset, and tell its owner."""

from dataclasses import dataclass
from datetime import datetime

from common.events import Event, ProcessingFailed
from common.ids import AssetId
from upload_gateway.domain.journey import Journey, step_of
from upload_gateway.domain.telling import travelled
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Heard:
    """A fact about an asset, and where it stands among its kind."""

    asset_id: AssetId
    event: Event
    topic: str
    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FollowAsset:
    """A record that comes again changes nothing: each topic's last sequence is remembered."""

    ledger: Ledger

    async def __call__(self, heard: Heard) -> bool:
        """False for a record that was taken before.

        An asset whose upload is not in this ledger (restored from elsewhere) is not followed.
        """
        async with self.ledger.change() as tx:
            upload = await tx.locked_of(heard.asset_id)
            if upload is None:
                return True
            known = await tx.journey(upload.asset_id)
            journey = known or Journey(upload.asset_id, upload.id, upload.user_id)
            if journey.knows(heard.topic, heard.sequence):
                return False
            await self._step(tx, known, journey, heard)
        return True

    async def _step(
        self, tx: Transaction, known: Journey | None, journey: Journey, heard: Heard
    ) -> None:
        after = journey.after(heard.event, heard.at)
        rendition, reason = step_of(heard.event)
        # a run that ends before its plan changes nothing yet, and its reason is worth knowing
        if known is None or after != journey or isinstance(heard.event, ProcessingFailed):
            await tx.tell(travelled(after, heard.at, rendition, reason))
        await tx.follow(after.having_heard(heard.topic, heard.sequence))
