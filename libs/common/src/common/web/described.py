"""What every operation may refuse, told in its description as it is answered."""

from typing import Any

from common.web.problems import CONTENT_TYPE

PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "Why a request was refused; `code` is stable, further members belong to it.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "fields": {
            "type": "array",
            "description": "With `invalid_request`: what does not fit.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_FRAMEWORK = ("HTTPValidationError", "ValidationError")


def refused(why: str) -> dict[str, Any]:
    """A response that is a problem document, for `responses=` of a route."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": why, "content": {CONTENT_TYPE: {"schema": schema}}}


_REFUSED = refused("Any refusal; `Retry-After` on 429 and 503.")
_INVALID = refused("The request, or what it brings, does not fit.")


def tell_problems(document: dict[str, Any]) -> None:
    """Put our problems where FastAPI describes its own; once more changes nothing."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            responses = operation["responses"]
            if _FRAMEWORK[0] in str(responses.get("422")):
                responses["422"] = _INVALID
            responses.setdefault("default", _REFUSED)
    for name in _FRAMEWORK:
        schemas.pop(name, None)
