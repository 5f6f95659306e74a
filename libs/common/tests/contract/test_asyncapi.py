"""The AsyncAPI document is valid AsyncAPI 3.0, and what it says of records is true of them.

Validated by the specification's own JSON Schema (asyncapi_3_0_0.json, which says where it is from):
that is stricter than the models FastStream builds its documents with, which know neither headers
nor keys; those must accept it too.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from libs.common.tests.contract.contract_files import GOLDEN, read, versions

from common.events import EVENT_TYPES
from common.events.reference.asyncapi import asyncapi
from common.events.reference.yaml_text import to_yaml
from common.events.topics import CONSUMERS, TOPICS

SPECIFICATION = json.loads(Path(__file__).with_name("asyncapi_3_0_0.json").read_text("utf-8"))
GOLDENS = {name: read(versions(GOLDEN, name)[-1]) for name in EVENT_TYPES}
DOCUMENT = asyncapi(GOLDENS)
# fact keys of facts about a person were once sampled with the id of an asset: also a UUID


def test_the_document_is_valid_by_the_specifications_own_schema() -> None:
    jsonschema.Draft7Validator(SPECIFICATION).validate(DOCUMENT)


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("info"),
        lambda d: d.update(asyncapi="2.6.0"),
        lambda d: d["servers"]["kafka"].pop("host"),
        lambda d: d["channels"]["uploads"].update(adress="x"),
        lambda d: d["channels"]["uploads"]["bindings"]["kafka"].update(partitions=0),
        lambda d: d["operations"]["catalog.uploads"].update(action="consume"),
        lambda d: d["operations"]["catalog.uploads"].pop("channel"),
        lambda d: d["components"]["messages"]["reprise.watermark.v1"].update(payload=7),
        lambda d: d["components"]["messages"]["reprise.watermark.v1"].update(headers=["x"]),
    ],
)
def test_a_document_with_a_fault_is_not(change: Change) -> None:
    damaged = copy.deepcopy(DOCUMENT)
    change(damaged)
    assert not jsonschema.Draft7Validator(SPECIFICATION).is_valid(damaged)


def test_the_framework_reads_the_document_too() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["servers"]["kafka"]["pathname"] = ""  # the specification leaves it out, they do not
    read_back = ApplicationSchema.model_validate(document)
    assert {channel.address for channel in read_back.channels.values()} == {
        *(topic.name for topic in TOPICS),
        "{topic}.{group}.dlq",
    }


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    for inner in value if isinstance(value, list) else ():
        yield from references(inner)


def resolve(pointer: str) -> Any:
    found: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_every_reference_leads_somewhere() -> None:
    pointers = set(references(DOCUMENT))
    assert all(resolve(pointer) for pointer in pointers)
    unused = {
        f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]
    } - pointers
    assert unused == set()


def validator(schema: dict[str, Any]) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator({"components": DOCUMENT["components"], **schema})


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_golden_is_what_the_document_says(path: Path) -> None:
    golden = read(path)
    message = DOCUMENT["components"]["messages"][golden["headers"]["ce_type"]]
    validator(message["headers"]).validate(golden["headers"])
    validator(message["payload"]).validate(golden["value"])
    validator(message["bindings"]["kafka"]["key"]).validate(golden["key"])


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_a_tombstone_is_a_value_of_state_only(name: str) -> None:
    model = EVENT_TYPES[name]
    payload = DOCUMENT["components"]["messages"][name]["payload"]
    assert validator(payload).is_valid(None) == (model.TOPIC.policy == "compact")


def test_headers_of_another_type_are_refused() -> None:
    headers = GOLDENS["reprise.asset.ready.v1"]["headers"]
    wrong = DOCUMENT["components"]["messages"]["reprise.asset.failed.v1"]["headers"]
    assert not validator(wrong).is_valid(headers)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_channel_has_the_settings_its_topic_is_made_with(topic: Any) -> None:
    channel = next(c for c in DOCUMENT["channels"].values() if c["address"] == topic.name)
    binding = channel["bindings"]["kafka"]
    assert binding["partitions"] == topic.partitions
    said = {
        k: v[0] if isinstance(v, list) else str(v) for k, v in binding["topicConfiguration"].items()
    }
    assert said == topic.config()


def test_every_consumer_group_receives_and_every_producer_sends() -> None:
    operations = DOCUMENT["operations"].values()
    groups = [
        group
        for operation in operations
        if operation["action"] == "receive" and "bindings" in operation
        for group in operation["bindings"]["kafka"]["groupId"]["enum"]
    ]
    assert sorted(groups) == sorted(CONSUMERS)
    sent = {
        m["$ref"].split("/")[-1] for o in operations if o["action"] == "send" for m in o["messages"]
    }
    assert sent == {*EVENT_TYPES, "dead-letter"}


def test_no_address_of_an_installation_stands_in_it() -> None:
    assert DOCUMENT["servers"]["kafka"]["host"] == "{bootstrap}"


def test_the_yaml_says_the_same() -> None:
    assert yaml.safe_load(to_yaml(DOCUMENT)) == DOCUMENT
