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
from upload_gateway.domain.upload import Part, Stored, Upload
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

        Raises Unavailable or PartsLost to be tried again, and whatever a lost lease raises; nothing
        is recorded then.
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
        found, format_, sha256 = verdict
        return await self._recorded(upload.stored(found, format_, sha256, self.clock.now()), ticket)

    async def _verdict(self, upload: Upload) -> tuple[Stored, Format, str] | Refusal:
        if not upload.length:
            return Refusal("empty")
        found, as_acknowledged = await self._whole(upload)
        if found.size != upload.length:
            return Refusal("size_mismatch")
        format_ = await self._judged(upload)
        if isinstance(format_, Refusal):
            return format_
        return found, format_, await self._digest(upload, as_acknowledged=as_acknowledged)

    async def _whole(self, upload: Upload) -> tuple[Stored, bool]:
        """The finished object; an answer to Complete may be lost, so the object itself is asked.

        True when this very call made it of the parts as they were acknowledged. Raises what kept
        it from being made: no bytes are given up here.
        """
        parts = await self.ledger.parts(upload.id)
        await failpoint("gateway.before_complete")
        lost: RepriseError | None = None
        as_acknowledged = False
        try:
            as_acknowledged = await self._complete(upload, parts)
        except RepriseError as error:
            lost = error
        await failpoint("gateway.after_complete")
        found = await self.store.stat(upload.key)
        if found is None:
            raise lost or PartsLost("the store confirmed an object that it does not have")
        return found, as_acknowledged

    async def _complete(self, upload: Upload, parts: list[Part]) -> bool:
        """False when a late writer replaced parts, and the object is made of what is there now.

        Which parts there are, and how large, is the ledger's word alone; only the names that the
        store has for them are taken from its listing. What they hold is judged by the digest.
        """
        multipart_id = upload.multipart_id or ""
        try:
            await self.store.complete(upload.key, multipart_id, parts)
        except PartsLost:
            held = await self.store.held(upload.key, multipart_id)
            if [(p.number, p.size) for p in held] != [(p.number, p.size) for p in parts]:
                raise
            await self.store.complete(upload.key, multipart_id, held)
            return False
        return True

    async def _digest(self, upload: Upload, *, as_acknowledged: bool) -> str:
        """The running digest if it speaks of this object for sure, else the object is read.

        Raises PartsLost for an object that is not what was acknowledged.
        """
        if as_acknowledged and upload.sha256:
            return upload.sha256
        sha256 = await self._hashed(upload)
        if upload.sha256 and sha256 != upload.sha256:
            raise PartsLost("the object has other bytes than were acknowledged")
        return sha256

    async def _judged(self, upload: Upload) -> Format | Refusal:
        sniffed = self.sniffer.formats(await self.store.opening(upload.key, OPENING))
        extension = extension_of(upload.file_name)
        return judged_content(upload.kind, upload.declared_type, extension, sniffed)

    async def _hashed(self, upload: Upload) -> str:
        """Read once: the running digest was broken, or may be of other bytes."""
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
