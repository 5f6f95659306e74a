"""A document as YAML: enough of it for generated files, so that operators need no YAML library."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# neither a number, a boolean nor anything with a meaning of its own, in any version of YAML
_PLAIN = re.compile(r"[A-Za-z$/][A-Za-z0-9_$/.()-]*( [A-Za-z0-9_/.()-]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def to_yaml(document: Mapping[str, Any]) -> str:
    """Block style, keys in the order given; texts that could be misread stand in double quotes."""
    return "\n".join(_block(document)) + "\n"


def _block(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entry(f"{_scalar(str(key))}:", inner)
    else:
        for inner in value:
            yield from _item(inner)


def _entry(head: str, value: Any) -> Iterator[str]:
    if _nested(value):
        yield head
        yield from (f"  {line}" for line in _block(value))
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Any) -> Iterator[str]:
    if not _nested(value):
        yield f"- {_scalar(value)}"
        return
    for number, line in enumerate(_block(value)):
        yield f"{'  ' if number else '- '}{line}"


def _nested(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and bool(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # texts, numbers, true, false, null, {} and [] of JSON are YAML too
    return json.dumps(value, ensure_ascii=False)
