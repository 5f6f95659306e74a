"""Continue an upload with the body of one request; the path of a PATCH begins here."""

from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace

from common.errors import Unavailable
from common.ids import UploadId, UserId
from upload_gateway.domain.checksum import BodyChecksum
from upload_gateway.domain.errors import (
    ChecksumMismatch,
    FileMismatch,
    Superseded,
    UploadCut,
    UploadGone,
    UploadNotFound,
)
from upload_gateway.domain.kinds import Role, require_role
from upload_gateway.domain.upload import RUNNING, Upload
from upload_gateway.ports.body import Body, BodyCut, CutReason
from upload_gateway.ports.buffers import Buffers
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.transaction import Transaction
from upload_gateway.ports.writers import Presence, Writer, Writers
from upload_gateway.usecases.admit_upload import AdmitUpload
from upload_gateway.usecases.look_again import look_again
from upload_gateway.usecases.receive_parts import Received, ReceiveParts

_GONE: frozenset[CutReason | None] = frozenset({"client_gone", "stalled", "too_slow"})


@dataclass(frozen=True, slots=True)
class Append:
    """One PATCH. `size` is the declared length of the body, None when it comes in chunks.

    `length` is the upload's, where this request is the one that says it. With a `checksum` the body
    counts only if all of it arrived and matches. `closes`: the end of the body is that of the file,
    whose length nobody said. `role` is what the owner is now: it may be less than at the creation.
    """

    upload_id: UploadId
    user_id: UserId
    offset: int
    size: int | None
    length: int | None = None
    checksum: BodyChecksum | None = None
    closes: bool = False
    role: Role = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class AppendBytes:
    """Rights, offset and size are checked where the fence is taken, before a byte is read."""

    ledger: Ledger
    writers: Writers
    presence: Presence
    buffers: Buffers
    admit: AdmitUpload
    receive: ReceiveParts

    async def __call__(self, append: Append, body: Body) -> Upload:
        """The upload with all that was committed.

        Raises UploadNotFound, KindForbidden, UploadGone, OffsetMismatch, LengthMismatch,
        ChecksumMismatch, OverLimit or PastLength with nothing changed; Superseded when a newer
        request took over; UploadCut or Unavailable when the rest should be sent again later. In the
        last three cases, and when only the bytes themselves show that they are too many, the offset
        may have moved: what was committed stays. Under a checksum it never moves but for the whole
        body. FileMismatch when the last byte shows that this is not the file that was declared: the
        upload is rejected.
        """
        if append.size == 0 and append.checksum is not None and not append.checksum.matches:
            raise ChecksumMismatch
        upload = await self._claim(append)
        if upload.state not in RUNNING or (append.size == 0 and not upload.whole):
            return upload
        async with self.writers.writing(upload.id, upload.generation) as writer:
            received = await self._told(upload, body, writer, append)
        await self._leave(received)
        if received.upload.reason == "checksum_mismatch":
            raise FileMismatch
        _answer_for(received.cut)
        return received.upload

    async def _told(self, upload: Upload, body: Body, writer: Writer, append: Append) -> Received:
        """However it ends, those who wait for it elsewhere hear of it."""
        left = False
        try:
            received = await self._received(upload, body, writer, append)
            left = received.left
        except Superseded:
            await look_again(self.ledger, upload.id)
            raise
        finally:
            if not left:
                with suppress(Unavailable):  # its silence says the same a little later
                    await self.presence.gone(upload.id, upload.generation)
        return received

    async def _received(
        self, upload: Upload, body: Body, writer: Writer, append: Append
    ) -> Received:
        async with AsyncExitStack() as stack:
            try:
                # whoever cuts this request need not wait until it has its place in memory
                async with writer.waiting():
                    lease = await stack.enter_async_context(self.buffers.lease())
            except BodyCut as cut:
                return Received(upload, cut.reason)
            return await self.receive(
                upload, body, writer, lease, append.checksum, closes=append.closes
            )

    async def _leave(self, received: Received) -> None:
        """A client that is gone frees its slot; one that ended its request is about to go on."""
        if received.cut in _GONE:
            with suppress(Unavailable):  # the lease runs out by itself
                await self.ledger.leave(received.upload.id, received.upload.generation)

    async def _claim(self, append: Append) -> Upload:
        async with self.ledger.change() as tx:
            upload = await tx.locked(append.upload_id)
            if upload.user_id != append.user_id:
                raise UploadNotFound
            require_role(append.role, upload.kind)
            if upload.part_size > self.buffers.size:
                raise Unavailable(
                    "this upload has larger parts than are set now", code="part_size_lowered"
                )
            claimed = upload.continued(append.offset, append.size, append.length)
            if upload.length is None and claimed.length is not None:
                await self.admit.grown(tx, upload.user_id, claimed.length - upload.offset)
            if claimed.state in RUNNING:
                await tx.hold(upload.id)
            if claimed is not upload:
                claimed = await self._saved(tx, upload, claimed)
            if claimed.state in RUNNING and (append.size != 0 or claimed.whole):
                await tx.present(claimed)
        return claimed

    async def _saved(self, tx: Transaction, upload: Upload, claimed: Upload) -> Upload:
        """A length that makes an upload whole counts with its last part, which may be staged yet.

        Else a row could say that all bytes are there while nothing moves it on.
        """
        if not claimed.whole:
            await tx.save(claimed)
        elif upload.in_parts:
            claimed = claimed.verifying(None)
            await tx.save(claimed)
            if not claimed.partial:
                await tx.enqueue_verify(claimed)
        else:
            await tx.save(replace(claimed, length=None))
        return claimed


def _answer_for(cut: CutReason | None) -> None:
    """A body that ended by itself, or with its client, needs no answer of its own."""
    if cut in {"stopping", "stalled", "too_slow"}:
        raise UploadCut(f"the request was ended: {cut}", code=cut, retry_after=1)
    if cut == "ended":
        raise UploadGone("the upload was ended")
    if cut in {"superseded", "asked"}:
        raise Superseded
