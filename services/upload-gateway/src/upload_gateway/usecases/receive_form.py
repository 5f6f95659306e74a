"""Take the files of a multi-file form one after the other; a bad one fails alone."""

from dataclasses import dataclass, field

from common.errors import Invalid, RepriseError
from common.ids import UploadId, UserId
from upload_gateway.domain.birth import NewUpload
from upload_gateway.domain.errors import MalformedForm, TooManyFiles, UploadCut
from upload_gateway.domain.file_names import presentable
from upload_gateway.domain.kinds import Role
from upload_gateway.ports.body import BodyCut
from upload_gateway.ports.form import Form, FormPart
from upload_gateway.ports.pace import Pace
from upload_gateway.ports.store import PartStore
from upload_gateway.usecases.receive_file import FileOutcome, ReceiveFile

MAX_FIELDS = 16  # before one file
MAX_FIELD_NAME = 64  # characters
_OF_A_FILE = frozenset({"name", "sha256"})


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends the form."""

    user_id: UserId
    role: Role


class FormEnded(Exception):
    """The form was not read to its end; `files` were. Never lost: it is what the client is told."""

    def __init__(self, error: RepriseError, files: list[FileOutcome]) -> None:
        super().__init__(error.code)
        self.error, self.files = error, files


@dataclass(slots=True)
class _Batch:
    """What was read so far. `said` is of the next file, `kind` of all that follow."""

    kind: str = "image"
    said: dict[str, str] = field(default_factory=dict)
    fields: int = 0
    files: list[FileOutcome] = field(default_factory=list)
    seen: dict[str, UploadId] = field(default_factory=dict)

    def say(self, name: str, value: str) -> None:
        if name == "kind":
            self.kind = value
        else:
            self.said[name] = value

    def count_field(self, name: str) -> None:
        self.fields += 1
        if self.fields > MAX_FIELDS:
            raise MalformedForm(
                f"{MAX_FIELDS} fields may stand before a file", code="too_many_fields"
            )
        if len(name) > MAX_FIELD_NAME:
            raise MalformedForm(
                f"a field's name may have {MAX_FIELD_NAME} characters", code="field_too_large"
            )

    def next_file(self, part: FormPart) -> dict[str, str]:
        """The metadata of a file, as any upload has it."""
        metadata = {
            **self.said,
            "kind": self.kind,
            "filename": self.said.get("name") or part.file_name or "",
            "filetype": part.content_type or "",
        }
        self.said, self.fields = {}, 0
        return metadata

    def add(self, outcome: FileOutcome) -> None:
        upload, same_as = outcome.upload, None
        if outcome.error is None and upload is not None and upload.sha256 is not None:
            first = self.seen.setdefault(upload.sha256, upload.id)
            same_as = None if first == upload.id else first
        self.files.append(FileOutcome(outcome.file_name, outcome.upload, outcome.error, same_as))


@dataclass(frozen=True, slots=True)
class ReceiveForm:
    """A form counts as one request for uploads, whatever it brings, up to `max_files` files.

    It holds a part buffer only while bytes of a file arrive, and one slot at a time.
    """

    store: PartStore
    pace: Pace
    receive: ReceiveFile
    max_files: int

    async def __call__(self, sender: Sender, form: Form) -> list[FileOutcome]:
        """One outcome for each file, in order.

        Raises RateLimited or Unavailable before the form is read; FormEnded when it, or the
        process, came to an end before all files were read.
        """
        self.store.require()
        await self.pace.request(sender.user_id)
        batch = _Batch()
        try:
            while (part := await form.following()) is not None:
                await self._take(batch, sender, part, form)
            _require_sense(batch)
        except BodyCut as cut:
            error = UploadCut(f"the request was ended: {cut.reason}", code=cut.reason)
            raise FormEnded(error, batch.files) from cut
        except RepriseError as error:
            raise FormEnded(error, batch.files) from error
        return batch.files

    async def _take(self, batch: _Batch, sender: Sender, part: FormPart, form: Form) -> None:
        if part.file_name is None:
            batch.count_field(part.name)
            batch.say(part.name, await form.text())
        elif not part.file_name and not await form.opening(1):
            batch.count_field(part.name)  # what a browser sends where no file was chosen
        else:
            if len(batch.files) == self.max_files:
                raise TooManyFiles(self.max_files)
            outcome = await self._file(sender, batch.next_file(part), form)
            batch.add(outcome)
            if isinstance(outcome.error, UploadCut):
                raise outcome.error

    async def _file(self, sender: Sender, metadata: dict[str, str], form: Form) -> FileOutcome:
        shown = presentable(metadata["filename"])
        if any("\0" in text for pair in metadata.items() for text in pair):
            error = Invalid("what is said of the file holds a NUL", code="invalid_metadata")
            return FileOutcome(shown, None, error)
        new = NewUpload(sender.user_id, sender.role, None, "", metadata, paced=False, mode="form")
        return await self.receive(new, form, shown)


def _require_sense(batch: _Batch) -> None:
    """A digest behind its file would never be looked at, which its sender would not know."""
    if batch.said.keys() & _OF_A_FILE:
        raise MalformedForm(
            "a field speaks of the file that follows it, and none follows",
            code="field_without_file",
        )
    if not batch.files:
        raise MalformedForm("the form brings no file", code="no_files")
