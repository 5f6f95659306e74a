"""What the multi-file form answers, and how its body is described."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from common.errors import RepriseError
from common.telemetry.scrub import scrub
from common.web.problems import CONTENT_TYPE, status_of
from upload_gateway.domain.upload import State
from upload_gateway.routes.statuses import retry_after
from upload_gateway.usecases.receive_file import FileOutcome


class FileProblem(BaseModel):
    """Why one file was not taken: as a problem document says it of a request."""

    status: int = Field(description="What this file would have been answered alone.")
    code: str
    title: str
    detail: str
    limit: str | None = Field(None, description="The limit that was met.")
    allowed: int | None = Field(None, description="Its value.")
    retry_after: int | None = Field(None, description="Seconds after which a try may succeed.")


class FormFileAnswer(BaseModel):
    """One file of the form; `upload_id` and `asset_id` are null when its upload never began."""

    index: int = Field(description="Its place among the files of the form, from 0.")
    file_name: str | None
    upload_id: UUID | None
    asset_id: UUID | None
    state: State | None
    size: int | None
    sha256: str | None
    same_as: UUID | None = Field(
        description="The upload of an earlier file of this form with the same bytes. The catalog"
        " decides: the status of this upload becomes `duplicate`."
    )
    problem: FileProblem | None


class FormAnswer(BaseModel):
    """The form was read to its end. `accepted` files are being verified; see their status."""

    accepted: int
    refused: int
    files: list[FormFileAnswer]


def answer_of(outcomes: list[FileOutcome]) -> FormAnswer:
    files = [_file_of(index, outcome) for index, outcome in enumerate(outcomes)]
    refused = sum(file.problem is not None for file in files)
    return FormAnswer(accepted=len(files) - refused, refused=refused, files=files)


def _file_of(index: int, outcome: FileOutcome) -> FormFileAnswer:
    upload = outcome.upload
    return FormFileAnswer(
        index=index,
        file_name=outcome.file_name,
        upload_id=upload.id if upload else None,
        asset_id=upload.asset_id if upload else None,
        state=upload.state if upload else None,
        size=upload.length if upload else None,
        sha256=upload.sha256 if upload else None,
        same_as=outcome.same_as,
        problem=_problem_of(outcome.error) if outcome.error else None,
    )


def _problem_of(error: RepriseError) -> FileProblem:
    status, said = status_of(error), error.extensions
    limit, allowed = said.get("limit"), said.get("allowed")
    return FileProblem(
        status=status,
        code=error.code,
        title=HTTPStatus(status).phrase,
        detail=scrub(error.detail),
        limit=limit if isinstance(limit, str) else None,
        allowed=allowed if isinstance(allowed, int) else None,
        retry_after=retry_after(error),
    )


_FIELDS: dict[str, Any] = {
    "kind": {
        "type": "string",
        "default": "image",
        "description": "The kind of all files that follow.",
    },
    "name": {"type": "string", "description": "The name of the next file, instead of its own."},
    "sha256": {
        "type": "string",
        "description": "The digest of the next file in hex: other bytes are refused.",
    },
    "file": {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "description": "Files, under any field name. Other fields become metadata of the next"
        " file.",
    },
}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Read as it arrives, so a field must stand before the file it speaks of.",
        "content": {"multipart/form-data": {"schema": {"type": "object", "properties": _FIELDS}}},
    }
}


def _refusal(description: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "code": {"type": "string"},
            "files": {"type": "array", "items": {"$ref": "#/components/schemas/FormFileAnswer"}},
        },
    }
    return {"description": description, "content": {CONTENT_TYPE: {"schema": schema}}}


# `files` of these problems are those that were read before; they stay
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: _refusal("No form, one cut short, or beyond the bounds of its fields."),
    413: _refusal("More files, or bytes, than a form may have."),
    415: _refusal("Another body than multipart/form-data."),
    429: _refusal("Asked too often."),
    503: _refusal("The client was too slow, or a part of the system is away or about to stop."),
}
