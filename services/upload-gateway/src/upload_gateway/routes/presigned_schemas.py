"""What is asked and answered where bytes go past the gateway."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.events import MediaKind
from upload_gateway.domain.presigning import URLS_PER_CALL, PartAsked, SignedRequest, Told, Way
from upload_gateway.domain.upload import Upload
from upload_gateway.usecases.sign_upload import SignedUpload

# no control characters: none is needed, and a database takes no NUL
_LINE = r"^[^\x00-\x1f\x7f]*$"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$", description="In hex digits.")]
ContentType = Annotated[str, Field(max_length=255, pattern=r"^[\x20-\x7e]+$")]
Parent = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$",
        description="What it is to hang on, as the catalog names it; comes back in the receipt.",
    ),
]
Text = Annotated[str, Field(max_length=1024, pattern=_LINE)]
Key = Annotated[str, Field(description="As it was answered, letter by letter; may be left out.")]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignUploadRequest(_Asked):
    """A file before it is sent. `mode` is chosen by the server where it is left out."""

    size: int = Field(ge=1, le=2**53, description="Bytes.")
    kind: Annotated[str, Field(max_length=32)] | None = None
    content_type: ContentType | None = None
    file_name: Annotated[str, Field(max_length=1024)] | None = None
    sha256: Sha256 | None = None
    mode: Way | None = None
    parent: Parent | None = None
    metadata: dict[Annotated[str, Field(max_length=64, pattern=_LINE)], Text] = Field(
        default_factory=dict, max_length=32
    )

    def told(self) -> dict[str, str]:
        """As the same things are called in the metadata of other ways in."""
        named = {
            "filename": self.file_name,
            "filetype": self.content_type,
            "kind": self.kind,
            "sha256": self.sha256.lower() if self.sha256 else None,
        }
        return self.metadata | {name: value for name, value in named.items() if value is not None}


class PartRequest(_Asked):
    """A part to be sent next. Its digest may be needed, see `parts.digest_needed`."""

    number: int
    sha256: Sha256 | None = None


class SignPartsRequest(_Asked):
    """The next few parts; a URL that has ended is replaced by asking for its part again."""

    upload_id: str
    key: Key | None = None
    parts: list[PartRequest] = Field(min_length=1, max_length=URLS_PER_CALL)

    def asked(self) -> tuple[PartAsked, ...]:
        return tuple(
            PartAsked(p.number, p.sha256.lower() if p.sha256 else None) for p in self.parts
        )


class CommitRequest(_Asked):
    """The upload alone is enough. What is said beside must be what was said before.

    The sha256 of a multipart, where it was not known before, may be said here.
    """

    upload_id: str
    key: Key | None = None
    size: int | None = None
    sha256: Sha256 | None = None
    content_type: ContentType | None = None
    parent: Parent | None = None

    def told(self) -> Told:
        sha256 = self.sha256.lower() if self.sha256 else None
        return Told(self.size, sha256, self.content_type, self.parent)


class Request(BaseModel):
    """To be sent to the store, with exactly these headers and so many bytes."""

    number: int
    method: str
    url: str
    headers: dict[str, str]
    size: int


class Step(BaseModel):
    """A request to this server; what `body` holds is to be sent as JSON."""

    method: Literal["GET", "POST", "DELETE"]
    url: str
    body: dict[str, str] | None = None


class PartsStep(Step):
    """Ask here for the URLs of parts 1 to `count`, all of `size` bytes but the last."""

    size: int
    count: int
    per_call: int = Field(description="Parts in one call, at most.")
    digest_needed: bool = Field(description="Each part must come with its sha256.")


class SignedUploadAnswer(BaseModel):
    """All that is needed to send the file and to end the upload.

    With mode `put`: send the file by `method`, `url` and `headers` before `url_expires_at`, then
    `commit`. With mode `multipart`: ask `parts` for URLs, send each part, then `commit`.
    """

    upload_id: UUID
    asset_id: UUID
    kind: MediaKind
    key: str
    mode: Way
    size: int
    method: str | None
    url: str | None
    headers: dict[str, str]
    url_expires_at: datetime | None
    expires_at: datetime = Field(description="When the upload ends that makes no progress.")
    parts: PartsStep | None
    commit: Step
    status: Step
    abort: Step


class SignedPartsAnswer(BaseModel):
    """The requests in the order they were asked for."""

    upload_id: UUID
    key: str
    parts: list[Request]
    url_expires_at: datetime | None
    expires_at: datetime


def signed_upload(signed: SignedUpload, origin: str) -> SignedUploadAnswer:
    """`origin` is where the client reaches this server."""
    upload, request = signed.upload, signed.request
    body = {"upload_id": str(upload.id), "key": str(upload.key)}
    status = f"{origin}/api/v1/uploads/{upload.id}"
    return SignedUploadAnswer(
        upload_id=upload.id,
        asset_id=upload.asset_id,
        kind=upload.kind,
        key=upload.key,
        mode="put" if request else "multipart",
        size=upload.length or 0,
        method=request.method if request else None,
        url=request.url if request else None,
        headers=request.headers if request else {},
        url_expires_at=upload.signed_until,
        expires_at=upload.expires_at,
        parts=None if request else _parts_step(signed, origin, body),
        commit=Step(method="POST", url=f"{origin}/api/v1/media/commit", body=body),
        status=Step(method="GET", url=status),
        abort=Step(method="DELETE", url=status),
    )


def signed_parts(upload: Upload, requests: list[SignedRequest]) -> SignedPartsAnswer:
    return SignedPartsAnswer(
        upload_id=upload.id,
        key=upload.key,
        parts=[
            Request(number=r.number, method=r.method, url=r.url, headers=r.headers, size=r.size)
            for r in requests
        ],
        url_expires_at=upload.signed_until,
        expires_at=upload.expires_at,
    )


def _parts_step(signed: SignedUpload, origin: str, body: dict[str, str]) -> PartsStep:
    upload = signed.upload
    return PartsStep(
        method="POST",
        url=f"{origin}/api/v1/media/parts",
        body=body,
        size=upload.part_size,
        count=upload.plan.count,
        per_call=URLS_PER_CALL,
        digest_needed=not signed.ways.plain_parts,
    )
