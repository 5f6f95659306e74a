"""Store one whole part: it counts once the store has it and its row is committed."""

import asyncio
from dataclasses import dataclass, replace

from common.clock import Clock
from common.failpoints import failpoint
from upload_gateway.domain.acceptance import likely_format
from upload_gateway.domain.checksum import RunningDigest
from upload_gateway.domain.errors import PartsLost
from upload_gateway.domain.formats import NAMINGS, extension_of
from upload_gateway.domain.upload import Part, Segment, Upload, expiry_after
from upload_gateway.ports import Ledger, PartStore, Staging


@dataclass(frozen=True, slots=True)
class StorePart:
    """The commit of the last part also moves the upload on to `verifying`."""

    ledger: Ledger
    store: PartStore
    staging: Staging
    clock: Clock
    expiry: int

    async def __call__(
        self,
        upload: Upload,
        number: int,
        part: memoryview,
        head: int,
        digest: RunningDigest | None,
    ) -> Upload:
        """`part[:head]` is filled from segments first, the rest is new and goes into the digest.

        Raises Superseded when a newer writer holds the upload, Unavailable, or PartsLost.
        """
        upload = await self._opened(upload)
        segments = await self._rebuilt(upload, number, part[:head]) if head else []
        etag, _ = await asyncio.gather(
            self.store.put_part(upload.key, upload.multipart_id or "", number, part),
            _hashed(digest, part[head:]),
        )
        await failpoint("gateway.after_part_stored")
        upload = await self._committed(upload, Part(number, etag, len(part)), digest)
        await failpoint("gateway.after_part_committed")
        if segments:
            await self._forget(upload, segments)
        return upload

    async def _opened(self, upload: Upload) -> Upload:
        """With a multipart, begun only for a first part: empty promises cost the store nothing."""
        if upload.multipart_id is not None:
            return upload
        likely = likely_format(upload.kind, upload.declared_type, extension_of(upload.file_name))
        content_type = NAMINGS[likely].content_type if likely else "application/octet-stream"
        multipart_id = await self.store.open(upload.key, content_type)
        await failpoint("gateway.after_create_multipart")
        async with self.ledger.change() as tx:
            held = (await tx.locked(upload.id)).held_by(upload.generation)
            await tx.save(replace(held, multipart_id=multipart_id))
        return replace(upload, multipart_id=multipart_id)

    async def _rebuilt(self, upload: Upload, number: int, head: memoryview) -> list[Segment]:
        segments = await self.ledger.segments(upload.id)
        start = at = upload.plan.start_of(number)
        for segment in segments:
            if segment.start == at:
                into = head[at - start : at - start + segment.size]
                await self.staging.read_into(segment, into)
                at += segment.size
        if at - start != len(head):
            raise PartsLost("a staged segment is missing")
        return segments

    async def _committed(self, upload: Upload, part: Part, digest: RunningDigest | None) -> Upload:
        async with self.ledger.change() as tx:
            held = (await tx.locked(upload.id)).held_by(upload.generation)
            # the length may be this request's word, which counts from here on
            held = replace(held, length=upload.length)
            offset = held.plan.end_of(part.number)
            advanced = held.advanced(offset, expiry_after(self.clock.now(), self.expiry))
            await tx.add_part(upload.id, part)
            if advanced.whole:
                unbroken = digest is not None and digest.offset == advanced.length
                advanced = advanced.verifying(digest.hexdigest() if digest and unbroken else None)
                await tx.enqueue_verify(advanced)
            await tx.save(advanced)
        return advanced

    async def _forget(self, upload: Upload, segments: list[Segment]) -> None:
        """Objects first: a row without an object is found again, an object without a row is not."""
        await self.staging.remove(segments)
        async with self.ledger.change() as tx:
            await tx.forget_segments(upload.id, segments)


async def _hashed(digest: RunningDigest | None, fresh: memoryview) -> None:
    if digest is not None:
        await asyncio.to_thread(digest.update, fresh)
