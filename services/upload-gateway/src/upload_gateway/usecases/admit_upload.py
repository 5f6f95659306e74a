"""Let a new upload in, or say which limit it meets; every way in passes here."""

from dataclasses import dataclass

from common.ids import UserId
from upload_gateway.domain.limits import Asking, Limits
from upload_gateway.ports.transaction import Transaction


@dataclass(frozen=True, slots=True)
class AdmitUpload:
    """Runs in the transaction that adds the upload, so that two at once are counted in turn.

    The person's own limits come first: who floods waits for himself, not in front of all others.
    """

    limits: Limits

    async def __call__(self, tx: Transaction, asking: Asking) -> None:
        """Raises TooManyUploads, BytesInFlightExceeded or QuotaExceeded."""
        own = await tx.open_of(asking.user_id)
        self.limits.person.admit(own, asking.declared, "per_user")
        if self.limits.stored is not None:
            taken = await tx.taken_by(asking.user_id)
            self.limits.require_quota(taken, asking.declared or 0)
        self.limits.total.admit(await tx.open_of_all(), asking.declared, "total")

    async def grown(self, tx: Transaction, user_id: UserId, more: int) -> None:
        """An upload of unknown length counts as it grows, and as a whole once its length is said.

        Raises BytesInFlightExceeded or QuotaExceeded; what was there before stays.
        """
        own = await tx.open_of(user_id)
        self.limits.person.take(own, more, "per_user")
        if self.limits.stored is not None:
            self.limits.require_quota(await tx.taken_by(user_id), more)
        self.limits.total.take(await tx.open_of_all(), more, "total")
