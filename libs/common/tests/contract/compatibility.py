"""Whether records written under one schema are read under another, in both directions.

Rolling upgrades and replays let every version read records of every other one. So an addition that
may be absent is compatible, better words are, and nothing else is.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

# what only people read
_WORDS = frozenset({"title", "description", "examples", "$id"})
_STRUCTURE = frozenset({"properties", "required", "$defs"})


def breaks(old: Schema, new: Schema) -> Iterator[str]:
    """Why the new schema may not replace the old one; nothing when it may."""
    for name, was in ({"": old} | old.get("$defs", {})).items():
        now = new if not name else new.get("$defs", {}).get(name)
        if now is None:
            yield f"{name} is gone"
        else:
            yield from _object(name, was, now)


def _object(name: str, was: Schema, now: Schema) -> Iterator[str]:
    demanded, demands = set(was.get("required", ())), set(now.get("required", ()))
    yield from (f"{name}.{field} became required" for field in sorted(demands - demanded))
    yield from (f"{name}.{field} is no longer required" for field in sorted(demanded - demands))
    fields = now.get("properties", {})
    for field, meaning in was.get("properties", {}).items():
        if field not in fields:
            yield f"{name}.{field} is gone"
        else:
            yield from _meaning(f"{name}.{field}", meaning, fields[field])
    rest = _WORDS | _STRUCTURE
    yield from _meaning(name or "the value", _without(was, rest), _without(now, rest))


def _meaning(where: str, was: Any, now: Any) -> Iterator[str]:
    """Every keyword that differs, by its path."""
    if isinstance(was, dict) and isinstance(now, dict):
        was, now = _without(was, _WORDS), _without(now, _WORDS)
        for keyword in sorted(was.keys() | now.keys()):
            path = f"{where}:{keyword}"
            if keyword == "enum" and keyword in was and keyword in now:
                yield from _words(where, was["enum"], now["enum"])
            elif keyword not in now:
                yield f"{path} is gone"
            elif keyword not in was:
                yield f"{path} is new"
            else:
                yield from _meaning(path, was[keyword], now[keyword])
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (before, after) in enumerate(zip(was, now, strict=True)):
            yield from _meaning(f"{where}[{number}]", before, after)
    elif was != now or type(was) is not type(now):
        yield f"{where} was {was!r} and is {now!r}"


def _words(where: str, was: list[Any], now: list[Any]) -> Iterator[str]:
    lost, gained = [w for w in was if w not in now], [w for w in now if w not in was]
    if lost:
        yield f"{where} lost {lost}: records that hold it are not read any more"
    if gained:
        yield f"{where} gained {gained}: older readers refuse it"


def _without(schema: Schema, names: frozenset[str]) -> Schema:
    return {key: value for key, value in schema.items() if key not in names}
