"""Continue an upload with the body of one request; the path of a PATCH begins here."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from common.errors import Unavailable
from common.ids import UploadId, UserId
from upload_gateway.domain.errors import Superseded, UploadCut, UploadGone, UploadNotFound
from upload_gateway.domain.upload import RUNNING, Upload
from upload_gateway.ports import Body, BodyCut, Buffers, CutReason, Ledger, Writer, Writers
from upload_gateway.usecases.receive_parts import Received, ReceiveParts


@dataclass(frozen=True, slots=True)
class Append:
    """One PATCH. `size` is the declared length of the body, None when it comes in chunks."""

    upload_id: UploadId
    user_id: UserId
    offset: int
    size: int | None


@dataclass(frozen=True, slots=True)
class AppendBytes:
    """Rights, offset and size are checked where the fence is taken, before a byte is read."""

    ledger: Ledger
    writers: Writers
    buffers: Buffers
    receive: ReceiveParts

    async def __call__(self, append: Append, body: Body) -> Upload:
        """The upload with all that was committed.

        Raises UploadNotFound, UploadGone, OffsetMismatch or PastLength with nothing changed;
        Superseded when a newer request took over; UploadCut or Unavailable when the rest should be
        sent again later. In the last three cases the offset may have moved: what was committed
        stays.
        """
        upload = await self._claim(append)
        if upload.state not in RUNNING or append.size == 0:
            return upload
        async with self.writers.writing(upload.id, upload.generation) as writer:
            received = await self._received(upload, body, writer)
        _answer_for(received.cut)
        return received.upload

    async def _received(self, upload: Upload, body: Body, writer: Writer) -> Received:
        async with AsyncExitStack() as stack:
            try:
                # whoever cuts this request need not wait until it has its place in memory
                async with writer.reading():
                    lease = await stack.enter_async_context(self.buffers.lease())
            except BodyCut as cut:
                return Received(upload, cut.reason)
            return await self.receive(upload, body, writer, lease)

    async def _claim(self, append: Append) -> Upload:
        async with self.ledger.change() as tx:
            upload = await tx.locked(append.upload_id)
            if upload.user_id != append.user_id:
                raise UploadNotFound
            if upload.part_size > self.buffers.size:
                raise Unavailable(
                    "this upload has larger parts than are set now", code="part_size_lowered"
                )
            claimed = upload.continued(append.offset, append.size)
            if claimed is not upload:
                await tx.save(claimed)
        return claimed


def _answer_for(cut: CutReason | None) -> None:
    """A body that ended by itself, or with its client, needs no answer of its own."""
    if cut in {"stopping", "stalled"}:
        raise UploadCut(f"the request was ended: {cut}", code=cut, retry_after=1)
    if cut == "ended":
        raise UploadGone("the upload was ended")
    if cut in {"superseded", "asked"}:
        raise Superseded
