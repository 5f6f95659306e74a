"""Make the object of its parts, look at it, hash it, and only then call it stored."""

from asyncio import CancelledError
from dataclasses import dataclass, replace

from common.clock import Clock
from common.errors import RepriseError
from common.failpoints import failpoint
from common.ids import UploadId
from upload_gateway.domain.acceptance import Refusal
from upload_gateway.domain.errors import BytesReplaced
from upload_gateway.domain.facts import announced, completed
from upload_gateway.domain.formats import Format
from upload_gateway.domain.upload import Part, Stored, Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.store import PartStore
from upload_gateway.ports.transaction import Ticket, Transaction
from upload_gateway.usecases.build_final import BuildFinal
from upload_gateway.usecases.complete_object import Completed, CompleteObject
from upload_gateway.usecases.judge_content import JudgeContent
from upload_gateway.usecases.look_again import look_again
from upload_gateway.usecases.read_back import ReadBack
from upload_gateway.usecases.tell_end import tell_end
from upload_gateway.usecases.withdraw_partials import withdraw_partials


@dataclass(frozen=True, slots=True)
class VerifyUpload:
    """Runs as a leased job: steps may be repeated, the result is committed with the job's end."""

    ledger: Ledger
    store: PartStore
    complete: CompleteObject
    read_back: ReadBack
    build_final: BuildFinal
    judge: JudgeContent
    clock: Clock

    async def __call__(self, upload_id: UploadId, ticket: Ticket) -> Upload:
        """The upload as it ended.

        Raises Unavailable or PartsLost to be tried again, and whatever a lost lease raises; nothing
        is recorded then.
        """
        try:
            return await self._ended(upload_id, ticket)
        except (RepriseError, CancelledError):
            await look_again(self.ledger, upload_id)
            raise

    async def _ended(self, upload_id: UploadId, ticket: Ticket) -> Upload:
        upload = await self.ledger.find(upload_id)
        if upload.state == "verifying":
            done = await self._verified(upload, ticket)
            if done is not None:
                await failpoint("gateway.after_stored")
                return done
        return await self._ended_otherwise(upload_id, ticket)

    async def _ended_otherwise(self, upload_id: UploadId, ticket: Ticket) -> Upload:
        """Its keys were given away when it was aborted, perhaps before the object came to be.

        Or before a worker that is no more began to build it.
        """
        upload = await self.ledger.find(upload_id)
        if upload.state in {"aborted", "expired"}:
            await self.store.discard(upload.key, upload.multipart_id)
            await self.store.remove(upload.key)
        async with self.ledger.change() as tx:
            await tx.close(ticket)
        return upload

    async def _verified(self, upload: Upload, ticket: Ticket) -> Upload | None:
        verdict = await self._verdict(upload)
        if isinstance(verdict, Refusal):
            rejected = upload.rejected(verdict.reason, self.clock.now())
            return await self._recorded(rejected, ticket)
        found, format_, sha256 = verdict
        if upload.belies(sha256):
            rejected = upload.rejected("checksum_mismatch", self.clock.now())
            return await self._recorded(rejected, ticket)
        return await self._recorded(upload.stored(found, format_, sha256, self.clock.now()), ticket)

    async def _verdict(self, upload: Upload) -> tuple[Stored, Format, str] | Refusal:
        if not upload.length:
            return Refusal("empty")
        if upload.final:
            found, sha256 = await self.build_final(upload)
            format_ = await self.judge(upload)
            return format_ if isinstance(format_, Refusal) else (found, format_, sha256)
        parts = await self.ledger.parts(upload.id)
        made = await self._made(upload, parts)
        if made.found.size != upload.length:
            # the client was told that its bytes are safe: a listing may lag, and a look again later
            # costs less than an upload that is thrown away
            raise BytesReplaced("the object has another size than was acknowledged")
        format_ = await self.judge(upload)
        if isinstance(format_, Refusal):
            return format_
        if made.as_acknowledged and upload.sha256:
            return made.found, format_, upload.sha256
        return made.found, format_, await self.read_back(upload, parts)

    async def _made(self, upload: Upload, parts: list[Part]) -> Completed:
        """The object; one that was put past us came to be before its commit."""
        if not upload.presigned:
            return await self.complete(upload, parts)
        found = await self.store.stat(upload.key)
        if found is None:
            raise BytesReplaced("the object that was there at the commit is gone")
        return Completed(found, as_acknowledged=False)

    async def _recorded(self, done: Upload, ticket: Ticket) -> Upload | None:
        """With its fact and the end of the job; None when the upload ended otherwise meanwhile."""
        async with self.ledger.change() as tx:
            current = await tx.locked(done.id)
            if current.state != "verifying":
                return None
            # its name may have been said again since it was read
            done = replace(done, details_sequence=current.details_sequence)
            done = await self._told(tx, done)
            await tx.save(done)
            await withdraw_partials(tx, done, self.clock.now())
            await tx.close(ticket)
        return done

    async def _told(self, tx: Transaction, done: Upload) -> Upload:
        if done.state != "stored":
            return await tell_end(tx, done, self.clock)
        await tx.publish(announced(done, completed(done), self.clock))
        return done
