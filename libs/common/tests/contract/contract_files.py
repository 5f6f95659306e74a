"""The committed contract: golden records, every released version of every type, and their lock.

`python -m libs.common.tests.contract.contract_files` adds what is missing and never edits: a golden
for a new type and for new fields of an old one, the contract of a type as it now is, lines of the
lock. It refuses a change that is not an addition. docs/reference/schemas has today's schemas.
"""

import json
from pathlib import Path
from typing import Any

from libs.common.tests.contract.compatibility import breaks
from libs.common.tests.contract.lock import lock
from libs.common.tests.contract.samples import paths, record_of, sample

from common.events import EVENT_TYPES, Event
from common.events.reference.schemas import schema_of
from common.events.topics import TOPICS, Topic

CONTRACT = Path(__file__).parent
GOLDEN, RELEASED = CONTRACT / "golden", CONTRACT / "released"
SCHEMAS = CONTRACT.parents[3] / "docs" / "reference" / "schemas"

Document = dict[str, Any]


def read(path: Path) -> Document:
    """A JSON file."""
    document: Document = json.loads(path.read_text("utf-8"))
    return document


def versions(folder: Path, name: str) -> list[Path]:
    """`<name>.json`, `<name>.2.json`, …: everything ever added under a name, oldest first."""
    found = [folder / f"{name}.json", *folder.glob(f"{name}.[0-9]*.json")]
    return sorted((p for p in found if p.exists()), key=lambda p: (len(p.name), p.name))


def contract_of(model: type[Event]) -> Document:
    """What is promised of a type."""
    return {"topic": model.TOPIC.name, "key": model.KEY, "schema": schema_of(model)}


def contract_of_topic(topic: Topic) -> Document:
    """What is promised of a topic; retention and other settings may change."""
    return {
        "producers": sorted(topic.producers),
        "key": topic.key,
        "policy": topic.policy,
        "partitions": topic.partitions,
    }


def contracts() -> dict[str, Document]:
    """Everything that is promised now, by the name of its file."""
    now = {name: contract_of(model) for name, model in EVENT_TYPES.items()}
    return now | {topic.name: contract_of_topic(topic) for topic in TOPICS}


def broken(old: Document, new: Document) -> list[str]:
    """Why one promise may not follow the other."""
    found = [
        f"{name} was {value!r} and is {new.get(name)!r}"
        for name, value in old.items()
        if name != "schema" and new.get(name) != value
    ]
    return found + list(breaks(old.get("schema", {}), new.get("schema", {})))


def bare_fields(model: type[Event]) -> set[str]:
    """Fields that no golden of the type has."""
    covered = {path for golden in goldens_of(model) for path in paths(golden["value"])}
    return set(paths(sample(model))) - covered


def goldens_of(model: type[Event]) -> list[Document]:
    """Every golden of a type, oldest first."""
    return [read(path) for path in versions(GOLDEN, model.TYPE)]


def pretty(document: Document) -> str:
    """How the files are written."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Add what is missing."""
    for folder in (GOLDEN, RELEASED, SCHEMAS):
        folder.mkdir(parents=True, exist_ok=True)
    for name, now in contracts().items():
        _release(name, now)
    for name, model in EVENT_TYPES.items():
        if bare_fields(model):
            _add(GOLDEN, name, record_of(model))
        (SCHEMAS / f"{name}.json").write_text(pretty(schema_of(model)), encoding="utf-8")
    lock(CONTRACT)


def _release(name: str, now: Document) -> None:
    before = [read(path) for path in versions(RELEASED, name)]
    if why := [reason for old in before for reason in broken(old, now)]:
        raise SystemExit(f"{name}: {'; '.join(why)}. Make a new type and an upcaster instead.")
    if not before or substance(before[-1]) != substance(now):
        _add(RELEASED, name, now)


def substance(value: Any) -> Any:
    """A contract without what only people read: better words are no new version."""
    if isinstance(value, dict):
        words = [key for key in ("title", "description") if isinstance(value.get(key), str)]
        return {key: substance(item) for key, item in value.items() if key not in words}
    return [substance(item) for item in value] if isinstance(value, list) else value


def _add(folder: Path, name: str, document: Document) -> None:
    number = len(versions(folder, name)) + 1
    file = f"{name}.json" if number == 1 else f"{name}.{number}.json"
    (folder / file).write_text(pretty(document), encoding="utf-8")


if __name__ == "__main__":
    write()
