"""End those writers of this process whose upload somebody elsewhere asked for, took or ended."""

from dataclasses import dataclass

from upload_gateway.ports.writers import Presence, Writers


@dataclass(frozen=True, slots=True)
class WatchWriters:
    """Run every second or so: that, and a tail to save, is what somebody elsewhere waits for."""

    writers: Writers
    presence: Presence

    async def __call__(self) -> None:
        """Raises Unavailable; writers then go on until their next commit finds the fence."""
        held = self.writers.held()
        if not held:
            return
        for upload_id, reason in (await self.presence.beat(held)).items():
            self.writers.cut(upload_id, held[upload_id], reason)
