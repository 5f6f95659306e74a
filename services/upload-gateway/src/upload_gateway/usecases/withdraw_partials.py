"""End the pieces of a final upload with it: nobody can join them again."""

from datetime import datetime

from upload_gateway.domain.upload import Upload
from upload_gateway.ports.transaction import Transaction


async def withdraw_partials(tx: Transaction, final: Upload, now: datetime) -> None:
    """Call it with the final upload locked; its pieces are locked in one order for all.

    No limit counts them once they were joined, so what they hold in the store goes at once.
    """
    for partial in [await tx.locked(upload_id) for upload_id in sorted(final.partials)]:
        if partial.state == "verifying":  # else it expired, and is cleared up already
            await tx.save(partial.withdrawn(now))
