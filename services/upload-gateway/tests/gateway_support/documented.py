"""Holds the OpenAPI document against what a gateway really answered."""

import re
from functools import cache
from typing import Any

import httpx

from common.web.app import openapi_of
from upload_gateway.bootstrap import describe


@cache
def document() -> dict[str, Any]:
    return openapi_of(describe())


def documented(response: httpx.Response) -> None:
    """A hook for a client: each answer of a route is one that the document speaks of."""
    request = response.request
    method = request.method.lower()
    if method == "post":  # which alone may stand for another one
        wanted = request.headers.get("x-http-method-override", "").lower()
        method = wanted if wanted in {"patch", "delete"} else method
    operation = _operation(method, request.url.path)
    if operation is not None:
        told = operation["responses"]
        assert str(response.status_code) in told, f"{method} {request.url}: {response.status_code}"


def _operation(method: str, path: str) -> dict[str, Any] | None:
    """None for what is no route: how that is answered is written nowhere."""
    fitting = [
        (template, operations[method])
        for template, operations in document()["paths"].items()
        if method in operations and re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
    ]
    # a name of its own comes before a place for any
    return min(fitting, key=lambda found: "{" in found[0])[1] if fitting else None
