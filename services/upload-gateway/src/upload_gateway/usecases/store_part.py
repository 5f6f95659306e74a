"""Store one whole part: it counts once the store has it and its row is committed."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace

from common.errors import Unavailable
from common.failpoints import failpoint
from common.task_group import task_group
from upload_gateway.domain.errors import PartsLost
from upload_gateway.domain.intake import Intake
from upload_gateway.domain.upload import Part, Segment, Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.store import PartStore, Staging
from upload_gateway.usecases.acknowledge_bytes import AcknowledgeBytes

_AT_ONCE = 8  # segments that are read side by side: a slow client may have left a hundred


@dataclass(frozen=True, slots=True)
class Sending:
    """A part on its way to the store."""

    task: asyncio.Task[str | BaseException]

    async def etag(self) -> str:
        """Raises what sending raised; the part is not sent twice."""
        outcome = await self.task
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


async def _settled(sending: Coroutine[None, None, str]) -> str | BaseException:
    """How it ended: only who asks for it shall hear of a failure."""
    (outcome,) = await asyncio.gather(sending, return_exceptions=True)
    return outcome


@dataclass(frozen=True, slots=True)
class StorePart:
    """Part by part, unless a checksum of the whole body decides: then rows wait for its end."""

    acknowledge: AcknowledgeBytes
    ledger: Ledger
    store: PartStore
    staging: Staging

    async def __call__(
        self,
        upload: Upload,
        number: int,
        part: memoryview,
        head: int,
        intake: Intake,
        sent: Sending | None = None,
    ) -> Upload:
        """`part[:head]` is filled from segments first, the rest is new and goes into the digests.

        `sent` is this very part on its way already (`ahead`). Raises Superseded when a newer writer
        holds the upload, Unavailable, or PartsLost.
        """
        upload = await self._opened(upload)
        segments = await self._rebuilt(upload, number, part[:head], intake) if head else []
        async with task_group() as group:
            taking = group.create_task(asyncio.to_thread(intake.take_part, part, head))
            etag = await (sent.etag() if sent is not None else self._put(upload, number, part))
        await failpoint("gateway.after_part_stored")
        stored = Part(number, etag, len(part), taking.result())
        end = upload.plan.end_of(number)
        if intake.waits:
            intake.parts.append(stored)
            intake.emptied += segments
            intake.staged.clear()
            return upload.advanced(end, upload.expires_at)
        upload = await self.acknowledge(upload, end, intake.running, [stored])
        await failpoint("gateway.after_part_committed")
        await self.forget(upload, segments)
        return upload

    def ahead(
        self, group: asyncio.TaskGroup, upload: Upload, number: int, part: memoryview
    ) -> Sending | None:
        """Send a part while those before it are not yet committed; it counts after them, as ever.

        None where that cannot be: the first part begins the multipart.
        """
        if upload.multipart_id is None:
            return None
        return Sending(group.create_task(_settled(self._put(upload, number, part))))

    async def _put(self, upload: Upload, number: int, part: memoryview) -> str:
        return await self.store.put_part(upload.key, upload.multipart_id or "", number, part)

    async def forget(self, upload: Upload, segments: list[Segment]) -> None:
        """Drop segments whose bytes are in a committed part, or count for nothing.

        Objects first: a row without an object is found again, an object without a row is not. What
        cannot be dropped now goes with the upload's end: no request fails for it.
        """
        if not segments:
            return
        with suppress(Unavailable):
            await self.staging.remove(segments)
            async with self.ledger.change() as tx:
                await tx.forget_segments(upload.id, segments)

    async def _opened(self, upload: Upload) -> Upload:
        """With a multipart, begun only for a first part: empty promises cost the store nothing."""
        if upload.multipart_id is not None:
            return upload
        multipart_id = await self.store.open(upload.key, upload.likely_type)
        await failpoint("gateway.after_create_multipart")
        async with self.ledger.change() as tx:
            held = (await tx.locked(upload.id)).held_by(upload.generation)
            await tx.save(replace(held, multipart_id=multipart_id))
        return replace(upload, multipart_id=multipart_id)

    async def _rebuilt(
        self, upload: Upload, number: int, head: memoryview, intake: Intake
    ) -> list[Segment]:
        segments = [*await self.ledger.segments(upload.id), *intake.staged]
        at = start = upload.plan.start_of(number)
        pieces = list[tuple[Segment, memoryview]]()
        for segment in segments:
            if segment.start == at:
                at += segment.size
                pieces.append((segment, head[segment.start - start : at - start]))
        if at - start != len(head):
            raise PartsLost("a staged segment is missing")
        for first in range(0, len(pieces), _AT_ONCE):
            # a read that went on after another failed would write into somebody else's buffer
            async with task_group() as group:
                for piece in pieces[first : first + _AT_ONCE]:
                    group.create_task(self.staging.read_into(*piece))
        return segments
