"""The event contract is only ever added to, and everything ever written is read (design §3)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from libs.common.tests.contract.contract_files import (
    CONTRACT,
    GOLDEN,
    RELEASED,
    SCHEMAS,
    bare_fields,
    broken,
    contracts,
    pretty,
    read,
    substance,
    versions,
)
from libs.common.tests.contract.lock import history_faults, lock_faults
from pydantic import Field
from pydantic.fields import FieldInfo

from common.events import EVENT_TYPES, Event, decode, judge
from common.events.envelope import OURS, from_headers
from common.events.model import Part
from common.events.reference.schemas import producers_of, schema_of
from common.events.topics import CATALOG_STATE
from common.events.upcasters import RETIRED

GOLDENS = sorted(GOLDEN.glob("*.json"))
# a pattern has no public class of its own
SAID_IN_SCHEMAS = {Ge, Gt, Le, Lt, MinLen, MaxLen, type(Field(pattern="x").metadata[0])}
REPAIR = "run `python -m libs.common.tests.contract.contract_files`"


def parts(above: type[Part] = Part) -> list[type[Part]]:
    """Every model of the contract, as often as it is reached."""
    below = [c for c in above.__subclasses__() if c.__module__.startswith("common.events.")]
    return [*below, *(part for model in below for part in parts(model))]


def said_of(value: Any) -> Iterator[Any]:
    """What `Annotated` and `Field` say of a field, however deep in its type."""
    if isinstance(value, FieldInfo):
        yield from value.metadata
        yield from said_of(value.annotation)
        return
    for item in getattr(value, "__metadata__", ()):
        yield from said_of(item) if isinstance(item, FieldInfo) else [item]
    for inner in get_args(value):
        yield from said_of(inner)


def event_of(path: Path) -> Event:
    golden = read(path)
    headers = [(name, value.encode()) for name, value in golden["headers"].items()]
    received = decode(golden["key"].encode(), headers, json.dumps(golden["value"]).encode())
    assert received.event is not None
    assert not received.unknown
    assert received.envelope.to_headers() == headers
    return received.event


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_every_golden_ever_committed_is_read(path: Path) -> None:
    golden, event = read(path), event_of(path)
    assert event.TOPIC.name == golden["topic"]
    if golden["headers"]["ce_type"] in RETIRED:
        return
    assert golden["headers"]["ce_type"] == event.TYPE
    assert golden["headers"]["ce_source"] in producers_of(type(event))
    written = event.model_dump(mode="json")
    assert golden["value"].items() <= written.items(), "a field is read and not written again"


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_every_golden_fits_its_schema(path: Path) -> None:
    golden, type_ = read(path), type(event_of(path)).TYPE
    if golden["headers"]["ce_type"] == type_:
        jsonschema.validate(golden["value"], read(SCHEMAS / f"{type_}.json"))


@pytest.mark.parametrize(
    "path",
    [p for p in GOLDENS if read(p)["topic"] == CATALOG_STATE.name],
    ids=lambda path: path.stem,
)
def test_every_golden_of_state_may_be_used_by_its_readers(path: Path) -> None:
    golden = read(path)
    headers = [(name, value.encode()) for name, value in golden["headers"].items()]
    verdict = judge(golden["key"].encode(), headers, json.dumps(golden["value"]).encode())
    assert (verdict.record, verdict.denied) == (event_of(path), None)
    assert verdict.sequence == 7


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_every_field_of_every_type_stands_in_a_golden(name: str) -> None:
    assert bare_fields(EVENT_TYPES[name]) == set(), REPAIR


@pytest.mark.parametrize("path", sorted(RELEASED.glob("*.json")), ids=lambda path: path.stem)
def test_nothing_ever_promised_was_taken_back(path: Path) -> None:
    now = contracts()
    names = [name for name in {*now, *RETIRED} if path.name.startswith(f"{name}.")]
    assert names, "it is gone, and nothing says what replaced it"
    name = max(names, key=len)
    assert name in RETIRED or broken(read(path), now[name]) == []


@pytest.mark.parametrize("name", sorted(contracts()))
def test_what_is_promised_now_is_written_down(name: str) -> None:
    promised = versions(RELEASED, name)
    assert promised, REPAIR
    assert substance(read(promised[-1])) == substance(contracts()[name]), f"additive: {REPAIR}"


@pytest.mark.parametrize("part", parts())
def test_nothing_but_the_schema_decides_what_is_read(part: type[Part]) -> None:
    # a validator, or a setting such as a text length, would narrow a type behind the schema's back
    rules = part.__pydantic_decorators__
    narrowing = [rules.validators, rules.field_validators, rules.root_validators]
    assert not any([*narrowing, rules.model_validators, rules.computed_fields])
    assert set(part.model_config) <= {"frozen", "extra"}
    for field in part.model_fields.values():
        said = list(said_of(field))
        assert {type(item) for item in said} <= SAID_IN_SCHEMAS
        assert {key for item in said for key in getattr(item, "__dict__", ())} <= {"pattern"}
        assert field.default_factory is None or not field.get_default(call_default_factory=True)


def test_the_published_schemas_are_those_of_the_code() -> None:
    found = {path.stem: path.read_text("utf-8") for path in SCHEMAS.glob("*.json")}
    assert found == {name: pretty(schema_of(model)) for name, model in EVENT_TYPES.items()}, REPAIR


def test_goldens_and_promises_are_added_and_never_edited() -> None:
    assert list(lock_faults(CONTRACT)) == [], f"new files: {REPAIR}"
    assert list(history_faults(CONTRACT)) == []


def test_an_upload_fact_reads_as_designed() -> None:
    golden = read(GOLDEN / "reprise.upload.completed.v1.json")
    assert set(golden["headers"]) == OURS
    assert from_headers([(k, v.encode()) for k, v in golden["headers"].items()]).sequence == 7
