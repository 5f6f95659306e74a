"""Every route of every service, from the committed OpenAPI: a new one is covered by itself."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from devstack.repository import ROOT

INTERNAL = ("/livez", "/readyz", "/metrics", "/info")
_VERBS = ("get", "head", "post", "put", "patch", "delete", "options")


@dataclass(frozen=True)
class Route:
    """One operation. `path` is its template."""

    service: str
    verb: str
    path: str

    @override
    def __str__(self) -> str:
        return f"{self.service}: {self.verb.upper()} {self.path}"


@dataclass(frozen=True)
class Call:
    """What to send to a route. An `endless` answer has come when it begins."""

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    endless: bool = False


def routes() -> Iterator[Route]:
    """Those of the API, and those that every service has on its internal port."""
    for document in sorted((ROOT / "docs" / "reference" / "openapi").glob("*.json")):
        for path, operations in json.loads(document.read_text())["paths"].items():
            for verb in _VERBS:
                if verb in operations:
                    yield Route(document.stem, verb, path)
        for path in INTERNAL:
            yield Route(document.stem, "get", path)


def filled(template: str, known: Mapping[str, str]) -> str:
    """A path with its parameters; one that nobody has told fails and says where to tell it."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        assert name in known, f"tell ProxiedSystem.known what {{{name}}} of {template} may be"
        return known[name]

    return re.sub(r"\{(\w+)\}", value, template)
