"""Turn a body into parts and a staged tail: parts are stored while the next one fills."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace

from common.task_group import task_group
from upload_gateway.domain.checksum import BodyChecksum
from upload_gateway.domain.errors import ChecksumMismatch
from upload_gateway.domain.intake import Intake
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.body import Body, BodyCut, CutReason
from upload_gateway.ports.buffers import BufferLease
from upload_gateway.ports.content import Digests
from upload_gateway.ports.writers import Writer
from upload_gateway.usecases.acknowledge_bytes import AcknowledgeBytes
from upload_gateway.usecases.fill_buffers import Filling, Request
from upload_gateway.usecases.stage_tail import StageTail
from upload_gateway.usecases.store_part import StorePart

PIECE = 64 * 1024  # as much as the server itself holds of a body nobody reads
# a newer writer brings the same bytes again, and an aborted upload needs none
_DROPPED: frozenset[CutReason] = frozenset({"superseded", "ended", "failed"})


@dataclass(frozen=True, slots=True)
class Received:
    """The upload as committed, and what ended the body early, if anything did.

    `left`: what was committed last says as well that this writer is done.
    """

    upload: Upload
    cut: CutReason | None
    left: bool = False


@dataclass(frozen=True, slots=True)
class ReceiveParts:
    """Holds one buffer, two while one is free; memory does not grow with the body.

    When others wait, a quick client gives its buffer away after each part, and a slow one in the
    middle: what it sent is staged. One that trickles then fills its part in pieces of `piece` bytes
    of its own, outside of the pool, and asks for a buffer again to put the part together.
    """

    store: StorePart
    stage: StageTail
    acknowledge: AcknowledgeBytes
    digests: Digests
    piece: int = PIECE

    async def __call__(
        self,
        upload: Upload,
        body: Body,
        writer: Writer,
        lease: BufferLease,
        checksum: BodyChecksum | None = None,
        *,
        closes: bool = False,
    ) -> Received:
        """Raises what storing raises; PastLength or OverLimit for a body longer than the upload.

        A body that `closes` an upload of unknown length says by its own end how long that is.

        With a checksum the body counts as a whole or not at all: ChecksumMismatch when its bytes
        are others, and what was cut short is as if it had not been sent.
        """
        running = self.digests.take(upload.id, upload.offset)
        if checksum is not None:
            if running is not None:
                self.digests.keep(upload.id, running)
            intake = Intake(running.copy() if running else None, checksum)
            return await self._checked(upload, body, writer, lease, intake)
        intake = Intake(running)
        upload, last = await self._parts(Request(body, writer, lease, intake, closes), upload)
        fresh = last.fresh.nbytes > 0 and not upload.full
        staged = fresh and last.cut not in _DROPPED and (last.cut is not None or not closes)
        if staged:
            upload = await self.stage(upload, last.fresh, intake)
        if not closes:
            self._keep(upload, intake)
        cut = await _refuse_more(upload, body, writer, lease) if upload.full else last.cut
        if closes and cut is None and not upload.whole:
            left = last.fill > 0 and not upload.full
            upload = await self._closed(upload, last if left else None, intake)
        return Received(upload, last.cut, staged or upload.whole)

    async def _closed(self, upload: Upload, last: Filling | None, intake: Intake) -> Upload:
        """The body ended, and with it the file: what is left in the buffer is its last part."""
        if last is None:
            whole = upload.measured(upload.offset)
            return await self.acknowledge(whole, whole.offset, intake.running)
        return await self._stored(upload.measured(upload.offset + last.fresh.nbytes), last, intake)

    async def _checked(
        self, begun: Upload, body: Body, writer: Writer, lease: BufferLease, intake: Intake
    ) -> Received:
        """The parts are in the store already, but a part without a row is nobody's."""
        upload, last = await self._parts(Request(body, writer, lease, intake), begun)
        if upload.full:
            await _refuse_more(upload, body, writer, lease)
        if last.cut is not None:
            await self._take_away(begun, intake)
            return Received(begun, last.cut)
        tail = last.fresh if not upload.full else last.fresh[:0]
        await asyncio.to_thread(intake.take, tail)
        if intake.checksum is not None and not intake.checksum.matches:
            await self._take_away(begun, intake)
            raise ChecksumMismatch
        if tail.nbytes:
            upload = await self.stage(upload, tail, intake)
        elif intake.parts or intake.staged:
            upload = await self.acknowledge(
                upload, upload.offset, intake.running, intake.parts, intake.staged
            )
        await self.store.forget(upload, intake.emptied)
        self._keep(upload, intake)
        return Received(upload, None, tail.nbytes > 0 or upload.whole)

    def _keep(self, upload: Upload, intake: Intake) -> None:
        running = intake.running
        if running is not None and not upload.whole and running.offset == upload.offset:
            self.digests.keep(upload.id, running)

    async def _take_away(self, upload: Upload, intake: Intake) -> None:
        """Pieces without a row; what stays behind ends with the upload."""
        await self.store.forget(upload, intake.staged)

    async def _parts(self, request: Request, upload: Upload) -> tuple[Upload, Filling]:
        """All whole parts of the body; the last filling is the tail, or the upload's end."""
        async with task_group() as group:
            return await self._parts_in(group, request, upload)

    async def _parts_in(
        self, group: asyncio.TaskGroup, request: Request, upload: Upload
    ) -> tuple[Upload, Filling]:
        lease = request.lease
        if upload.full and not upload.whole:
            return upload, _nothing(upload)  # only its length is still to come
        filling = await request.filled(upload, upload.offset, lease.first)
        while filling.wanted or filling.completes(upload.plan):
            if filling.wanted:
                upload, filling = await self._without_buffer(request, upload, filling)
                continue
            end = upload.plan.end_of(filling.number)
            other = None if end == upload.bound else lease.other(filling.buffer)
            if other is not None:
                upload, filling = await _side_by_side(
                    self._stored(upload, filling, request.intake),
                    self._filled_and_sent(group, request, upload, end, other),
                    request.writer,
                )
                continue
            upload = await self._stored(upload, filling, request.intake)
            if upload.full:
                break
            buffer = filling.buffer
            if lease.wanted:
                if cut := await request.regained():
                    return upload, _nothing(upload, cut)
                buffer = lease.first
            filling = await request.filled(upload, end, buffer)
        return upload, filling

    async def _stored(self, upload: Upload, filling: Filling, intake: Intake) -> Upload:
        part = filling.buffer[: filling.fill]
        return await self.store(upload, filling.number, part, filling.head, intake, filling.sent)

    async def _filled_and_sent(
        self,
        group: asyncio.TaskGroup,
        request: Request,
        upload: Upload,
        offset: int,
        buffer: memoryview,
    ) -> Filling:
        """A client that is faster than the store need not wait for the part before."""
        filling = await request.filled(upload, offset, buffer)
        if filling.cut is not None or not filling.completes(upload.plan):
            return filling
        part = buffer[: filling.fill]
        return replace(filling, sent=self.store.ahead(group, upload, filling.number, part))

    async def _without_buffer(
        self, request: Request, upload: Upload, filling: Filling
    ) -> tuple[Upload, Filling]:
        """Let others have the buffer, with what is in it staged, and go on."""
        fresh, trickles = filling.fresh, filling.wanted is not None and filling.wanted.trickles
        if trickles and fresh.nbytes < self.piece:
            return await self._in_pieces(request, upload, fresh)
        if fresh.nbytes:
            upload = await self.stage.midway(upload, fresh, request.intake)
        if trickles:
            return await self._in_pieces(request, upload, fresh[:0])
        if cut := await request.regained():
            return upload, _nothing(upload, cut)
        return upload, await request.filled(upload, upload.offset, request.lease.first)

    async def _in_pieces(
        self, request: Request, upload: Upload, begun: memoryview
    ) -> tuple[Upload, Filling]:
        """Up to the end of a part; only the piece that completes it needs a buffer.

        `begun` is what the first piece has already, in the buffer that is given back here.
        """
        own, taken = memoryview(bytearray(self.piece)), begun.nbytes
        own[:taken] = begun
        request.lease.give_back()
        number = upload.plan.number_at(upload.offset)
        end = upload.plan.end_of(number)
        while True:
            room = min(self.piece, end - upload.offset)
            more, cut = await request.poured(own[taken:room])
            taken += more
            if taken < room or upload.offset + room == end:
                break
            upload, taken = await self.stage.midway(upload, own, request.intake), 0
        if taken < room and (cut or not request.closes):
            return upload, Filling(number, own, 0, taken, cut)
        if cut := await request.regained():
            return upload, _nothing(upload, cut)
        head = upload.offset - upload.plan.start_of(number)
        request.lease.first[head : head + taken] = own[:taken]
        return upload, Filling(number, request.lease.first, head, head + taken)


def _nothing(upload: Upload, cut: CutReason | None = None) -> Filling:
    """The end of a request that has no bytes in memory."""
    return Filling(upload.plan.number_at(upload.offset), memoryview(b""), 0, 0, cut)


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


async def _refuse_more(
    upload: Upload, body: Body, writer: Writer, lease: BufferLease
) -> CutReason | None:
    """A body in chunks may go on behind the bound: nothing of that counts. What cut it, if any.

    All of it is stored, so a client that does not come to the end keeps nobody from a buffer.
    """
    lease.give_back()
    try:
        async with writer.reading():
            more = await body.read_into(memoryview(bytearray(1)))
    except BodyCut as cut:
        return cut.reason
    if more:
        raise upload.too_long()
    return None
