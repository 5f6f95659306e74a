"""Take one file of a form: judged by its first bytes, then received like any other upload."""

from contextlib import suppress
from dataclasses import dataclass, replace

from common.errors import RepriseError
from common.ids import UploadId
from upload_gateway.domain.acceptance import Refusal
from upload_gateway.domain.birth import NewUpload
from upload_gateway.domain.errors import (
    ContentRefused,
    FileEmpty,
    Superseded,
    UploadCut,
    UploadGone,
)
from upload_gateway.domain.judgement import judged
from upload_gateway.domain.kinds import Role
from upload_gateway.domain.upload import RUNNING, Upload
from upload_gateway.ports.content import Sniffer
from upload_gateway.ports.form import Form
from upload_gateway.ports.ledger import Ledger
from upload_gateway.usecases.append_bytes import Append, AppendBytes
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.create_upload import CreateUpload
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.judge_content import OPENING
from upload_gateway.usecases.reject_content import RejectContent


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file. `upload` is None for one that was refused before it began.

    `error` None: all bytes are there and are being verified. `same_as` is an earlier file of the
    form with the very same bytes; the catalog will call this one its duplicate.
    """

    file_name: str | None
    upload: Upload | None
    error: RepriseError | None
    same_as: UploadId | None = None


@dataclass(frozen=True, slots=True)
class ReceiveFile:
    """One attempt: its sender cannot go on with it, so what fails is ended at once.

    `accept_any` keeps content of every type.
    """

    ledger: Ledger
    create: CreateUpload
    append: AppendBytes
    end: EndUpload
    reject: RejectContent
    clear: ClearUpload
    sniffer: Sniffer
    accept_any: bool = False

    async def __call__(self, new: NewUpload, form: Form, file_name: str | None) -> FileOutcome:
        """What became of the form's present part; how its form ended, the form says next.

        Raises only what the form raises, and only before there is an upload.
        """
        opening = await form.opening(OPENING)
        try:
            if not opening:
                raise FileEmpty("the file has no bytes")
            upload = await self.create(new)
        except RepriseError as error:
            return FileOutcome(file_name, None, error)
        try:
            received = await self._received(upload, new.role, form, opening)
            return FileOutcome(file_name, received, None)
        except RepriseError as error:
            return FileOutcome(file_name, await self._ended(upload, error), error)

    async def _received(self, upload: Upload, role: Role, form: Form, opening: bytes) -> Upload:
        sniffed = self.sniffer.formats(opening)
        verdict = judged(upload, sniffed, accept_any=self.accept_any)
        if isinstance(verdict, Refusal):
            await self.reject(upload.id, verdict.reason)
            raise ContentRefused(
                "content, type and name do not agree on a type that is taken", code=verdict.reason
            )
        append = Append(upload.id, upload.user_id, 0, None, closes=True, role=role)
        received = await self.append(append, form)
        if received.state in RUNNING:
            raise UploadCut("the connection ended within the file", code="client_gone")
        return received

    async def _ended(self, upload: Upload, error: RepriseError) -> Upload:
        """As it ended; an upload that another request took over is left to that one."""
        with suppress(RepriseError):  # it expires by itself
            upload = await self.ledger.find(upload.id)
            if upload.state in RUNNING and not isinstance(error, Superseded | UploadGone):
                await self.end(upload.id, upload.user_id)
                upload = replace(upload, state="aborted")
            elif upload.state == "rejected":
                await self.clear.soon(upload.id)
        return upload
