"""Take over what a client has put into the store: look at it, then have it read and hashed."""

from dataclasses import dataclass, replace

from common.clock import Clock
from common.errors import RepriseError
from common.ids import UploadId
from upload_gateway.domain.acceptance import Refusal, vouched
from upload_gateway.domain.errors import MultipartForgotten
from upload_gateway.domain.presigning import (
    Asker,
    Told,
    agreed,
    arrived,
    own,
    refusal_of,
    require_object,
    whole_parts,
)
from upload_gateway.domain.upload import RUNNING, Stored, Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.store import PartStore
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.judge_content import JudgeContent
from upload_gateway.usecases.look_again import look_again
from upload_gateway.usecases.tell_end import reject


@dataclass(frozen=True, slots=True)
class Commit:
    """`told` is compared with what was said before; `key` is None where it is not repeated."""

    upload_id: UploadId
    asker: Asker
    key: str | None
    told: Told


@dataclass(frozen=True, slots=True)
class CommitUpload:
    """Nothing is acknowledged before its row is committed; whatever fails may be tried again."""

    ledger: Ledger
    store: PartStore
    judge: JudgeContent
    clear: ClearUpload
    clock: Clock

    async def __call__(self, commit: Commit) -> Upload:
        """The upload on its way to be verified, or what became of it since.

        Raises what `own` and `agreed` raise; ObjectMissing, ObjectDiffers or PartsMissing, with the
        upload open as before; ContentRefused or FileRefused when it is, or was, rejected.
        """
        self.store.require()
        upload = self._agreed(await self.ledger.find(commit.upload_id), commit)
        if upload.state in RUNNING:
            upload = await self._taken_over(commit, upload)
            if upload.state == "rejected":
                await self.clear.soon(upload.id)
        if refusal := refusal_of(upload):
            raise refusal
        return upload

    async def _taken_over(self, commit: Commit, upload: Upload) -> Upload:
        """What was looked for may be gone because another commit was faster, or an end."""
        try:
            require_object(upload, await self._object(upload))
            return await self._committed(commit, await self.judge(upload))
        except RepriseError:
            await look_again(self.ledger, upload.id)
            upload = self._agreed(await self.ledger.find(upload.id), commit)
            if upload.state in RUNNING:
                raise
        return upload

    def _agreed(self, upload: Upload, commit: Commit) -> Upload:
        kept = vouched(commit.told.content_type, accept_any=self.judge.accept_any)
        told = replace(commit.told, content_type=kept)
        return agreed(own(upload, commit.asker, commit.key), told)

    async def _object(self, upload: Upload) -> Stored | None:
        """What is there; a multipart becomes an object now. After any error, look before deciding.

        A commit whose answer was lost, or one at the same moment, has made it already.
        """
        lost: RepriseError | None = None
        if upload.mode == "multipart":
            try:
                await self._complete(upload)
            except RepriseError as error:
                lost = error
        found = await self.store.stat(upload.key)
        if found is None and lost is not None and not isinstance(lost, MultipartForgotten):
            raise lost
        return found

    async def _complete(self, upload: Upload) -> None:
        if upload.multipart_id is None:
            raise MultipartForgotten("no part was asked for")
        held = await self.store.held(upload.key, upload.multipart_id)
        await self.store.complete(upload.key, upload.multipart_id, whole_parts(upload, held))

    async def _committed(self, commit: Commit, verdict: object) -> Upload:
        async with self.ledger.change() as tx:
            upload = self._agreed(await tx.locked(commit.upload_id), commit)
            if upload.state not in RUNNING:
                return upload  # another commit was faster, and said the same
            if isinstance(verdict, Refusal):
                return await reject(tx, upload, verdict.reason, self.clock)
            upload = arrived(upload)
            await tx.enqueue_verify(upload)
            await tx.save(upload)
        return upload
