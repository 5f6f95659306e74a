"""One transaction of the ledger: everything that changes a row."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from common.events import Message
from common.ids import AssetId, UploadId, UserId
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.limits import Open
from upload_gateway.domain.telling import Entry
from upload_gateway.domain.upload import Part, Segment, Upload


class Ticket(Protocol):
    """A leased job, as opaque as the use case needs it: who holds it may close it."""

    @property
    def id(self) -> UUID: ...


class Transaction(Protocol):
    """One Postgres transaction: committed when its block ends, rolled back when it raises."""

    async def locked(self, upload_id: UploadId) -> Upload:
        """The row, nobody else's until the transaction ends; raises UploadNotFound."""
        ...

    async def locked_of(self, asset_id: AssetId) -> Upload | None:
        """As `locked`, by the asset; None for one whose upload is not in this ledger."""
        ...

    async def segments(self, upload_id: UploadId) -> list[Segment]:
        """Staged segments by their start."""
        ...

    async def add(self, upload: Upload, *, held: bool = False) -> None:
        """A new row, of which its owner is told; `held` takes its slot as `hold` does."""
        ...

    async def save(self, upload: Upload) -> None:
        """Write a row that this transaction has locked; its owner is told of a change of state."""
        ...

    async def journey(self, asset_id: AssetId) -> Journey | None:
        """What became of the asset; ask with its upload locked. None when nothing was heard."""
        ...

    async def follow(self, journey: Journey) -> None:
        """Write what became of an asset, new or known."""
        ...

    async def tell(self, entry: Entry) -> None:
        """Add to the owner's stream, in the place that the commit gives it.

        Entries of one person become visible in the order of their numbers, so that nobody who
        reads on from the last one misses another that was committed later.
        """
        ...

    async def add_part(self, upload_id: UploadId, part: Part) -> None:
        """Record a part; one of the same number is replaced, as it is in the store."""
        ...

    async def add_segment(self, upload_id: UploadId, segment: Segment) -> None:
        """Record a segment; segments are never changed."""
        ...

    async def forget_segments(self, upload_id: UploadId, segments: Sequence[Segment]) -> None:
        """Drop the rows of these very segments, whose objects are gone."""
        ...

    async def open_of(self, user_id: UserId) -> Open:
        """What this person has open; until the transaction ends nobody else is told of them.

        So two that ask at once are counted one after the other. Ask it before `open_of_all`.
        """
        ...

    async def open_of_all(self) -> Open:
        """What everybody has open; until the transaction ends nobody else is told."""
        ...

    async def taken_by(self, user_id: UserId) -> int:
        """Bytes of this person's open uploads, and of finished ones until their asset is purged.

        All at one moment: one that finishes just now counts once. Ask it after `open_of`.
        """
        ...

    async def purged(self, upload_id: UploadId) -> None:
        """Count its bytes no more; twice is once."""
        ...

    async def present(self, upload: Upload) -> None:
        """A writer of the upload's generation is at work, and none before it."""
        ...

    async def written(self, upload_id: UploadId) -> bool:
        """Whether a request, in whichever process, writes to it and gave a sign of life lately."""
        ...

    async def absent(self, upload_id: UploadId) -> None:
        """Nobody writes; what a request committed last, or an end."""
        ...

    async def hold(self, upload_id: UploadId) -> None:
        """Its slot is in use from now on, for the time of a lease."""
        ...

    async def publish(self, *messages: Message) -> None:
        """Append to the outbox, in this order; call it for a row that is locked or new."""
        ...

    async def enqueue_verify(self, upload: Upload) -> None:
        """Ask for verification; twice for one upload is once."""
        ...

    async def revive(self, upload: Upload) -> bool:
        """Make its dead verification due again; False when it is not dead."""
        ...

    async def bury(self, ticket: Ticket, error: str) -> None:
        """Mark the job dead with what it failed by; a lost lease raises, which rolls both back."""
        ...

    async def close(self, ticket: Ticket) -> None:
        """Mark the job done with its result; a lost lease raises, which rolls both back."""
        ...
