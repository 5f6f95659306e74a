"""Accept an upload or refuse it before a byte is read; its ids and key are born here."""

from dataclasses import dataclass

from common.clock import Clock
from common.failpoints import failpoint
from upload_gateway.domain.birth import NewUpload as NewUpload  # noqa: PLC0414
from upload_gateway.domain.birth import Terms, born
from upload_gateway.domain.facts import announced, carried, named, started
from upload_gateway.domain.limits import Asking, Sizes
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.pace import Pace
from upload_gateway.ports.store import PartStore
from upload_gateway.ports.transaction import Transaction
from upload_gateway.usecases.admit_upload import AdmitUpload


@dataclass(frozen=True, slots=True)
class CreateUpload:
    """`part_size` holds for the upload's whole life; `expiry` is seconds without progress.

    `accept_any`: see Terms.
    """

    ledger: Ledger
    store: PartStore
    admit: AdmitUpload
    pace: Pace
    clock: Clock
    sizes: Sizes
    part_size: int
    expiry: int
    accept_any: bool = False

    async def __call__(self, new: NewUpload) -> Upload:
        """The new upload, with a slot.

        Raises TypeNotAllowed, KindForbidden, OverLimit or Unavailable, and what limits raise:
        RateLimited, TooManyUploads, BytesInFlightExceeded, QuotaExceeded. Nothing is left of it.
        """
        self.store.require()
        if new.paced:
            await self.pace.request(new.user_id)
        terms = Terms(self.sizes, self.part_size, self.expiry, self.accept_any)
        upload = born(new, terms, self.clock.now())
        async with self.ledger.change() as tx:
            await self.admit(tx, Asking(new.user_id, new.length))
            await tx.add(upload, held=True)
            await self._announce(tx, upload, new.metadata)
            await failpoint("gateway.before_intent")
        await failpoint("gateway.after_intent")
        return upload

    async def _announce(self, tx: Transaction, upload: Upload, metadata: dict[str, str]) -> None:
        if upload.partial:
            return
        said = [announced(upload, started(upload), self.clock)]
        if upload.file_name is not None:
            said.append(named(upload, carried(metadata), self.clock))
        await tx.publish(*said)
        if upload.whole:
            await tx.enqueue_verify(upload)
