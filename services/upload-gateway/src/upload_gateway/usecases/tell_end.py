"""Say that an upload ended before it reached the catalog, and take its name back."""

from dataclasses import replace

from common.clock import Clock
from upload_gateway.domain.acceptance import Reason
from upload_gateway.domain.facts import announced, ended, unnamed
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.transaction import Transaction


async def tell_end(tx: Transaction, done: Upload, clock: Clock) -> Upload:
    """The upload as it is to be saved, its end and the tombstone of its name in the outbox.

    No purge follows for what the catalog never had, so nobody else would ask for the name to be
    forgotten. The ledger itself keeps it a while, for the owner who asks what became of it.
    """
    if done.details_sequence:
        done = replace(done, details_sequence=done.details_sequence + 1)
        await tx.publish(unnamed(done, clock))
    await tx.publish(announced(done, ended(done, await tx.segments(done.id)), clock))
    return done


async def reject(tx: Transaction, upload: Upload, reason: Reason, clock: Clock) -> Upload:
    """The upload, which this transaction has locked, as it was saved: refused, and told so."""
    done = await tell_end(tx, upload.rejected(reason, clock.now()), clock)
    await tx.save(done)
    return done
