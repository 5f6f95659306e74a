"""The event contract is only ever added to (design §3)."""

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from libs.common.tests.contract.contract_files import GOLDEN, SCHEMAS, breaks, schema_of

from common.events import EVENT_TYPES, decode
from common.events.envelope import from_headers

GOLDENS = sorted(GOLDEN.glob("*.json"))
REPAIR = "run `python -m libs.common.tests.contract.contract_files`"


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def test_every_event_type_has_a_golden_and_a_schema() -> None:
    assert set(EVENT_TYPES) <= {path.stem for path in GOLDENS}, REPAIR
    assert set(EVENT_TYPES) == {path.stem for path in SCHEMAS.glob("*.json")}, REPAIR


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_every_golden_ever_committed_is_read(path: Path) -> None:
    golden = read(path)
    headers = [(name, value.encode()) for name, value in golden["headers"].items()]
    received = decode(golden["key"].encode(), headers, json.dumps(golden["value"]).encode())
    assert received.event is not None
    assert not received.unknown
    assert golden["headers"]["ce_type"] == received.event.TYPE
    assert received.event.TOPIC.name == golden["topic"]
    written = json.loads(received.event.model_dump_json())
    assert golden["value"].items() <= written.items(), "a field is read and not written again"
    assert received.envelope.to_headers() == headers


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_every_golden_fits_its_schema(path: Path) -> None:
    golden = read(path)
    jsonschema.validate(golden["value"], read(SCHEMAS / f"{golden['headers']['ce_type']}.json"))


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_no_type_changed_in_a_way_that_breaks_its_readers(name: str) -> None:
    committed, now = read(SCHEMAS / f"{name}.json"), schema_of(EVENT_TYPES[name])
    assert list(breaks(committed, now)) == []
    assert committed == now, f"additive: {REPAIR}"


def test_a_golden_is_added_and_never_edited() -> None:
    git = shutil.which("git")
    assert git is not None
    log = [git, "log", "--diff-filter=MD", "--format=%h", "--", "."]
    edited = subprocess.run(log, cwd=GOLDEN, capture_output=True, text=True, check=False)
    status = [git, "diff", "--diff-filter=MD", "--name-only", "HEAD", "--", "."]
    changed = subprocess.run(status, cwd=GOLDEN, capture_output=True, text=True, check=False)
    # outside of a checkout (a source archive) git has nothing to say, and nothing to compare with
    assert (edited.stdout, changed.stdout) == ("", "")


Change = Callable[[dict[str, Any]], None]


def drop(schema: dict[str, Any]) -> None:
    del schema["properties"]["size"]


def retype(schema: dict[str, Any]) -> None:
    schema["properties"]["size"]["type"] = "string"


def narrow(schema: dict[str, Any]) -> None:
    schema["properties"]["size"]["maximum"] = 10


def demand(schema: dict[str, Any]) -> None:
    schema["properties"]["extra"] = {"type": "string"}
    schema["required"].append("extra")


def release(schema: dict[str, Any]) -> None:
    schema["required"].remove("size")


def narrow_inside(schema: dict[str, Any]) -> None:
    schema["$defs"]["MediaFacts"]["properties"]["codec"]["type"] = "integer"


@pytest.mark.parametrize("change", [drop, retype, narrow, demand, release, narrow_inside])
def test_a_breaking_change_is_noticed(change: Change) -> None:
    old = schema_of(EVENT_TYPES["reprise.rendition.ready.v1"])
    new = copy.deepcopy(old)
    change(new)
    assert list(breaks(old, new))


def test_an_optional_field_may_be_added() -> None:
    old = schema_of(EVENT_TYPES["reprise.rendition.ready.v1"])
    new = copy.deepcopy(old)
    new["properties"]["extra"] = {"type": "string", "default": ""}
    assert list(breaks(old, new)) == []


def test_an_upload_fact_reads_as_designed() -> None:
    golden = read(GOLDEN / "reprise.upload.completed.v1.json")
    assert set(golden["headers"]) == {
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_sequence",
        "ce_correlationid",
        "ce_causationid",
        "traceparent",
        "content-type",
    }
    assert from_headers([(k, v.encode()) for k, v in golden["headers"].items()]).sequence == 7
