"""Begin a final upload: the files it consists of are there, a job makes one object of them."""

from dataclasses import dataclass, replace

from common.clock import Clock
from common.ids import UploadId
from upload_gateway.domain.birth import NewUpload, Terms, born
from upload_gateway.domain.errors import PartialUnfinished, PartialUnfit, UploadNotFound
from upload_gateway.domain.facts import announced, carried, named, started
from upload_gateway.domain.upload import Upload, expiry_after
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.pace import Pace
from upload_gateway.ports.store import PartStore
from upload_gateway.ports.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ConcatenateUploads:
    """The bytes were admitted with the partials; the final upload takes their place."""

    ledger: Ledger
    store: PartStore
    pace: Pace
    clock: Clock
    terms: Terms

    async def __call__(self, new: NewUpload) -> Upload:
        """The final upload; asking again for the same one is answered with the first.

        Raises PartialUnfit or PartialUnfinished for what cannot be joined, and what a creation
        raises. Nothing is left of it then.
        """
        self.store.require()
        await self.pace.request(new.user_id)
        async with self.ledger.change() as tx:
            partials = await self._locked(tx, new)
            finals = {partial.final_id for partial in partials}
            if finals == {None}:
                final = born(replace(new, length=_total(partials)), self.terms, self.clock.now())
                await self._begin(tx, final, partials, new.metadata)
                return final
        return await self._earlier(finals, new)

    async def _earlier(self, finals: set[UploadId | None], new: NewUpload) -> Upload:
        """A client whose answer was lost asks again and means the same."""
        only = finals.pop()
        if not finals and only is not None:
            final = await self.ledger.find(only)
            if final.partials == new.partials:
                return final.remembered()
        raise PartialUnfit("a partial upload belongs to another final one already")

    async def _begin(
        self, tx: Transaction, final: Upload, partials: list[Upload], metadata: dict[str, str]
    ) -> None:
        await tx.add(final)
        await tx.publish(announced(final, started(final), self.clock))
        if final.file_name is not None:
            await tx.publish(named(final, carried(metadata), self.clock))
        await tx.enqueue_verify(final)
        until = expiry_after(self.clock.now(), self.terms.expiry)
        for partial in partials:
            await tx.save(replace(partial, final_id=final.id, expires_at=until))

    async def _locked(self, tx: Transaction, new: NewUpload) -> list[Upload]:
        """The partials in the order of the file, locked in one order for all who lock several."""
        if len(set(new.partials)) != len(new.partials):
            raise PartialUnfit("a partial upload is named twice")
        found = {id_: await self._partial(tx, new, id_) for id_ in sorted(new.partials)}
        return [found[id_] for id_ in new.partials]

    async def _partial(self, tx: Transaction, new: NewUpload, upload_id: UploadId) -> Upload:
        try:
            upload = await tx.locked(upload_id)
        except UploadNotFound as error:
            raise PartialUnfit("a partial upload is not known") from error
        # another one's upload does not exist for this caller
        if upload.user_id != new.user_id or not upload.partial:
            raise PartialUnfit("a partial upload is not known")
        upload = upload.remembered() if upload.final_id is None else upload
        if upload.state == "rejected":
            raise PartialUnfit("a partial upload has other bytes than its client declared")
        if not upload.whole:
            raise PartialUnfinished("a partial upload has not all its bytes yet")
        return upload


def _total(partials: list[Upload]) -> int:
    return sum(partial.length or 0 for partial in partials)
