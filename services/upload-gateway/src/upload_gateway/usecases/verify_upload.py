"""Make the object of its parts, look at it, hash it, and only then call it stored."""

import asyncio
import hashlib
from dataclasses import dataclass

from common.clock import Clock
from common.errors import RepriseError
from common.failpoints import failpoint
from common.ids import UploadId
from upload_gateway.domain.acceptance import Refusal, judged_content
from upload_gateway.domain.errors import PartsLost
from upload_gateway.domain.facts import announced, completed, ended
from upload_gateway.domain.formats import Format, extension_of
from upload_gateway.domain.upload import Stored, Upload
from upload_gateway.ports import Ledger, PartStore, Sniffer, Ticket

OPENING = 64 * 1024  # bytes that are sniffed


@dataclass(frozen=True, slots=True)
class VerifyUpload:
    """Runs as a leased job: steps may be repeated, the result is committed with the job's end."""

    ledger: Ledger
    store: PartStore
    sniffer: Sniffer
    clock: Clock

    async def __call__(self, upload_id: UploadId, ticket: Ticket) -> Upload:
        """The upload as it ended.

        Raises Unavailable to be tried again, and whatever a lost lease raises; nothing is recorded
        then.
        """
        upload = await self.ledger.find(upload_id)
        if upload.state == "verifying":
            done = await self._verified(upload, ticket)
            if done is not None:
                await failpoint("gateway.after_stored")
                return done
        return await self._ended_otherwise(upload_id, ticket)

    async def _ended_otherwise(self, upload_id: UploadId, ticket: Ticket) -> Upload:
        """Its keys were given away when it was aborted, perhaps before the object came to be."""
        upload = await self.ledger.find(upload_id)
        if upload.state in {"aborted", "expired"}:
            await self.store.remove(upload.key)
        async with self.ledger.change() as tx:
            await tx.close(ticket)
        return upload

    async def _verified(self, upload: Upload, ticket: Ticket) -> Upload | None:
        verdict = await self._verdict(upload)
        if isinstance(verdict, Refusal):
            rejected = upload.rejected(verdict.reason, self.clock.now())
            return await self._recorded(rejected, ticket)
        found, format_ = verdict
        sha256 = upload.sha256 or await self._hashed(upload)
        return await self._recorded(upload.stored(found, format_, sha256, self.clock.now()), ticket)

    async def _verdict(self, upload: Upload) -> tuple[Stored, Format] | Refusal:
        if not upload.length:
            return Refusal("empty")
        found = await self._whole(upload)
        if found is None:
            return Refusal("bytes_lost")
        if found.size != upload.length:
            return Refusal("size_mismatch")
        format_ = await self._judged(upload)
        return format_ if isinstance(format_, Refusal) else (found, format_)

    async def _whole(self, upload: Upload) -> Stored | None:
        """The finished object; an answer to Complete may be lost, so the object itself is asked.

        None when it is not there and the store has forgotten its parts.
        """
        parts = await self.ledger.parts(upload.id)
        await failpoint("gateway.before_complete")
        lost: RepriseError | None = None
        try:
            await self.store.complete(upload.key, upload.multipart_id or "", parts)
        except RepriseError as error:
            lost = error
        await failpoint("gateway.after_complete")
        found = await self.store.stat(upload.key)
        if found is None and lost is not None and not isinstance(lost, PartsLost):
            raise lost
        return found

    async def _judged(self, upload: Upload) -> Format | Refusal:
        sniffed = self.sniffer.formats(await self.store.opening(upload.key, OPENING))
        extension = extension_of(upload.file_name)
        return judged_content(upload.kind, upload.declared_type, extension, sniffed)

    async def _hashed(self, upload: Upload) -> str:
        """Read once: the running digest was broken by a restart or a change of process."""
        digest = hashlib.sha256()
        async for chunk in self.store.stream(upload.key):
            await asyncio.to_thread(digest.update, chunk)
        return digest.hexdigest()

    async def _recorded(self, done: Upload, ticket: Ticket) -> Upload | None:
        """With its fact and the end of the job; None when the upload ended otherwise meanwhile."""
        async with self.ledger.change() as tx:
            current = await tx.locked(done.id)
            if current.state != "verifying":
                return None
            segments = await tx.segments(done.id)
            fact = completed(done) if done.state == "stored" else ended(done, segments)
            await tx.publish(announced(done, fact, self.clock))
            await tx.save(done)
            await tx.close(ticket)
        return done
