"""Every route of every service against every role, generated from the OpenAPI documents."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.e2e.client import Reprise

from common.events.topics import SERVICES
from devstack.stack import Stack

OPENAPI = Path(__file__).parents[2] / "docs" / "reference" / "openapi"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
ROLES = {"public", "capability", "user", "admin", "internal"}


def operations() -> Iterator[tuple[str, str, str, str]]:
    """(service, method, path template, role) of every operation there is."""
    for document in sorted(OPENAPI.glob("*.json")):
        for path, item in json.loads(document.read_text())["paths"].items():
            for method in METHODS:
                if method in item:
                    yield document.stem, method, path, item[method].get("x-role", "none")


OPERATIONS = list(operations())
CALLED = [row for row in OPERATIONS if row[3] in {"user", "admin"}]


def test_every_service_has_an_openapi_document() -> None:
    assert {document.stem for document in OPENAPI.glob("*.json")} == set(SERVICES)


@pytest.mark.parametrize(("service", "method", "path", "role"), OPERATIONS)
def test_every_route_names_the_role_its_path_promises(
    service: str, method: str, path: str, role: str
) -> None:
    assert role in ROLES, f"{service}: {method} {path} names no role"
    for prefix, promised in (
        ("/api/v1/admin/", "admin"),
        ("/api/v1/user/", "user"),
        ("/api/v1/ops/", "internal"),
        ("/m/", "capability"),
    ):
        if path.startswith(prefix):
            assert role == promised


def call(client: Reprise, method: str, template: str) -> httpx.Response:
    path = re.sub(r"\{[^}]*\}", str(uuid.uuid5(uuid.NAMESPACE_URL, "nobody")), template)
    body: dict[str, str] | None = {} if method in {"post", "put", "patch"} else None
    headers = {"Tus-Resumable": "1.0.0"}
    # the head is enough, and all that an endless answer has
    with client.http.stream(method.upper(), path, headers=headers, json=body) as answer:
        return answer


@pytest.mark.e2e
@pytest.mark.timeout(60)
@pytest.mark.req("SEC-16")
@pytest.mark.parametrize(("service", "method", "path", "role"), CALLED)
def test_a_route_answers_each_role_as_it_promises(
    service: str,
    method: str,
    path: str,
    role: str,
    anonymous: Reprise,
    listener: Reprise,
    admin: Reprise,
    stack: Stack,
) -> None:
    assert stack.env["REPRISE_URL"]
    assert call(anonymous, method, path).status_code == 401, service
    as_listener = call(listener, method, path).status_code
    assert as_listener == 403 if role == "admin" else as_listener not in {401, 403}
    assert call(admin, method, path).status_code not in {401, 403}
    assert max(as_listener, call(admin, method, path).status_code) < 500
