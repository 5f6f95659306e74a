"""Have the store looked through again for an upload that ended while somebody still gave to it."""

from contextlib import suppress
from dataclasses import replace

from common.errors import Unavailable
from common.ids import UploadId
from upload_gateway.domain.upload import ENDED
from upload_gateway.ports.ledger import Ledger


async def look_again(ledger: Ledger, upload_id: UploadId) -> None:
    """For whoever finds that he was late: what he had on its way may lie there after all.

    Whoever clears up at this moment loses the fence and does it once more. One that runs is looked
    through at its end anyway.
    """
    with suppress(Unavailable):
        async with ledger.change() as tx:
            upload = await tx.locked(upload_id)
            if upload.state in ENDED:
                await tx.save(replace(upload, cleared=False, generation=upload.generation + 1))
