"""Turn a body into parts and a staged tail: one part is stored while the next one fills."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass

from upload_gateway.domain.checksum import RunningDigest
from upload_gateway.domain.upload import Upload
from upload_gateway.ports import Body, BodyCut, BufferLease, CutReason, Digests, Writer
from upload_gateway.usecases.stage_tail import StageTail
from upload_gateway.usecases.store_part import StorePart

# a newer writer brings the same bytes again, and an aborted upload needs none
_DROPPED: frozenset[CutReason] = frozenset({"superseded", "ended", "failed"})


@dataclass(frozen=True, slots=True)
class Filling:
    """What one buffer took: `head..fill` of part `number` is new, what is before is staged."""

    number: int
    buffer: memoryview
    head: int
    fill: int
    cut: CutReason | None

    @property
    def fresh(self) -> memoryview:
        return self.buffer[self.head : self.fill]


@dataclass(frozen=True, slots=True)
class Received:
    """The upload as committed, and what ended the body early, if anything did."""

    upload: Upload
    cut: CutReason | None


@dataclass(frozen=True, slots=True)
class ReceiveParts:
    """Holds one buffer, two while one is free; memory does not grow with the body."""

    store: StorePart
    stage: StageTail
    digests: Digests

    async def __call__(
        self, upload: Upload, body: Body, writer: Writer, lease: BufferLease
    ) -> Received:
        """Raises what storing raises; PastLength or OverLimit for a body longer than the upload."""
        digest = self.digests.take(upload.id, upload.offset)
        upload, last = await self._parts(upload, body, writer, lease, digest)
        if last.cut not in _DROPPED and last.fresh.nbytes and not upload.full:
            upload = await self.stage(upload, last.fresh, digest)
        if digest is not None and not upload.whole and digest.offset == upload.offset:
            self.digests.keep(upload.id, digest)
        if upload.full:
            await _refuse_more(upload, body, writer)
        return Received(upload, last.cut)

    async def _parts(
        self,
        upload: Upload,
        body: Body,
        writer: Writer,
        lease: BufferLease,
        digest: RunningDigest | None,
    ) -> tuple[Upload, Filling]:
        """All whole parts of the body; the last filling is the tail, or the upload's end."""
        filling = await _filled(upload, upload.offset, lease.first, body, writer)
        while filling.fill == upload.plan.size_of(filling.number):
            end = upload.plan.end_of(filling.number)
            other = None if end == upload.bound else lease.other(filling.buffer)
            if other is not None:
                upload, filling = await _side_by_side(
                    self._stored(upload, filling, digest),
                    _filled(upload, end, other, body, writer),
                    writer,
                )
                continue
            upload = await self._stored(upload, filling, digest)
            if upload.full:
                break
            filling = await _filled(upload, end, filling.buffer, body, writer)
        return upload, filling

    async def _stored(
        self, upload: Upload, filling: Filling, digest: RunningDigest | None
    ) -> Upload:
        part = filling.buffer[: filling.fill]
        return await self.store(upload, filling.number, part, filling.head, digest)


async def _filled(
    upload: Upload, offset: int, buffer: memoryview, body: Body, writer: Writer
) -> Filling:
    """Fill a buffer from `offset` until its part is full, the body ends or the writer is cut."""
    plan = upload.plan
    number = plan.number_at(offset)
    head = fill = offset - plan.start_of(number)
    size = plan.size_of(number)
    cut: CutReason | None = None
    try:
        async with writer.reading():
            while fill < size and (got := await body.read_into(buffer[fill:size])):
                fill += got
                writer.progressed()
    except BodyCut as error:
        cut = error.reason
    return Filling(number, buffer, head, fill, cut)


async def _side_by_side(
    storing: Coroutine[None, None, Upload],
    filling: Coroutine[None, None, Filling],
    writer: Writer,
) -> tuple[Upload, Filling]:
    """Both, to their ends; when storing fails there is no use in receiving more."""
    stored, filled = await asyncio.gather(_or_cut(storing, writer), filling, return_exceptions=True)
    if isinstance(stored, BaseException):
        raise stored
    if isinstance(filled, BaseException):
        raise filled
    return stored, filled


async def _or_cut(storing: Coroutine[None, None, Upload], writer: Writer) -> Upload:
    try:
        return await storing
    except BaseException:
        writer.cut("failed")
        raise


async def _refuse_more(upload: Upload, body: Body, writer: Writer) -> None:
    """A body in chunks may go on behind the bound: nothing of that counts."""
    more = 0
    with suppress(BodyCut):
        async with writer.reading():
            more = await body.read_into(memoryview(bytearray(1)))
    if more:
        raise upload.too_long()
