"""Each kind of change that would break a reader is noticed; additions and better words are not."""

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest
from libs.common.tests.contract.compatibility import breaks
from libs.common.tests.contract.contract_files import (
    broken,
    contract_of,
    contract_of_topic,
    substance,
)
from pydantic import ConfigDict, Field

from common.events import Fact
from common.events.model import Part
from common.events.reference.schemas import schema_of
from common.events.topics import ASSETS, UPLOADS, Topic


class Inner(Part):
    codec: str
    rate: int | None = None


class Old(Fact):
    """Every kind of field."""

    TOPIC: ClassVar = UPLOADS
    TYPE: ClassVar = "test.gate.v1"
    asset_id: UUID
    kind: Literal["audio", "image", "video"]
    size: int = Field(ge=0, le=100)
    name: str = Field(pattern="^[a-z]+$", max_length=9)
    mood: Literal["good", "bad"] | None = None
    keys: tuple[str, ...] = ()
    parts: tuple[Inner, ...] = Field(default=(), max_length=5)
    policy: str = "on-request"


Change = Callable[[dict[str, Any]], Any]
FIELDS: dict[str, Change] = {
    "a field is gone": lambda s: s["properties"].pop("size"),
    "an optional field is gone": lambda s: s["properties"].pop("policy"),
    "a field is renamed": lambda s: s["properties"].update(bytes=s["properties"].pop("size")),
    "another type": lambda s: s["properties"]["size"].update(type="string"),
    "another format": lambda s: s["properties"]["asset_id"].pop("format"),
    "null allowed": lambda s: s["properties"].update(
        name={"anyOf": [s["properties"]["name"], {"type": "null"}]}
    ),
    "null forbidden": lambda s: s["properties"]["mood"]["anyOf"].pop(),
    "a word less": lambda s: s["properties"]["kind"]["enum"].remove("image"),
    "a word more": lambda s: s["properties"]["kind"]["enum"].append("smell"),
    "a word less inside": lambda s: s["properties"]["mood"]["anyOf"][0]["enum"].remove("bad"),
    "one word left": lambda s: s["properties"].update(kind={"type": "string", "const": "audio"}),
    "a pattern": lambda s: s["properties"]["policy"].update(pattern="^[a-z]+$"),
    "another pattern": lambda s: s["properties"]["name"].update(pattern="^[a-f]+$"),
    "no pattern": lambda s: s["properties"]["name"].pop("pattern"),
    "a higher minimum": lambda s: s["properties"]["size"].update(minimum=1),
    "a lower maximum": lambda s: s["properties"]["size"].update(maximum=99),
    "an exclusive minimum": lambda s: s["properties"]["size"].update(exclusiveMinimum=0),
    "a shorter text": lambda s: s["properties"]["name"].update(maxLength=8),
    "a shorter list": lambda s: s["properties"]["parts"].update(maxItems=4),
    "a list that must not be empty": lambda s: s["properties"]["keys"].update(minItems=1),
    "other items": lambda s: s["properties"]["keys"]["items"].update(type="integer"),
    "another default": lambda s: s["properties"]["policy"].update(default="never"),
    "no default": lambda s: s["properties"]["policy"].pop("default"),
    "a new required field": lambda s: (
        s["properties"].update(extra={"type": "string"}),
        s["required"].append("extra"),
    ),
    "an optional field required": lambda s: s["required"].append("policy"),
    "a required field optional": lambda s: s["required"].remove("size"),
    "unknown fields forbidden": lambda s: s.update(additionalProperties=False),
    "a part is gone": lambda s: s["$defs"].pop("Inner"),
    "another type in a part": lambda s: s["$defs"]["Inner"]["properties"]["codec"].update(
        type="integer"
    ),
    "a new required field in a part": lambda s: s["$defs"]["Inner"]["required"].append("rate"),
    "a part that is another": lambda s: s["properties"]["parts"]["items"].update({"$ref": "#/x"}),
}


@pytest.mark.parametrize("change", FIELDS.values(), ids=FIELDS)
def test_a_breaking_change_is_noticed(change: Change) -> None:
    old = schema_of(Old)
    new = copy.deepcopy(old)
    change(new)
    assert list(breaks(old, new))


class Restricted(Old):
    model_config = ConfigDict(extra="forbid")


class Narrowed(Old):
    kind: Literal["audio", "image"]


class Tightened(Old):
    size: int = Field(ge=1, le=100)


class Demanding(Old):
    extra: str


class Moved(Old):
    TOPIC: ClassVar = ASSETS


class Rekeyed(Old):
    KEY: ClassVar = "{kind}"


@pytest.mark.parametrize("model", [Restricted, Narrowed, Tightened, Demanding, Moved, Rekeyed])
def test_a_breaking_change_of_a_model_is_noticed(model: type[Old]) -> None:
    assert broken(contract_of(Old), contract_of(model))


class Grown(Old):
    """Better said."""

    extra: str = ""
    more: tuple[Inner, ...] = ()
    size: int = Field(ge=0, le=100, description="bytes", title="How much")


def test_an_optional_field_and_better_words_may_be_added() -> None:
    assert broken(contract_of(Old), contract_of(Grown)) == []


def test_a_field_called_title_is_no_words() -> None:
    class Named(Old):
        title: str = ""
        description: str = ""

    class Lost(Old):
        pass

    assert broken(contract_of(Named), contract_of(Lost))
    assert substance(contract_of(Named)) != substance(contract_of(Lost))


def test_a_message_names_the_field_and_what_happened() -> None:
    why = "; ".join(broken(contract_of(Old), contract_of(Narrowed)))
    assert ".kind lost ['video']" in why


@pytest.mark.parametrize(
    "topic",
    [
        Topic("t", frozenset({"catalog"}), "asset_id", "delete", partitions=24),
        Topic("t", frozenset({"catalog"}), "asset_id", "compact", partitions=12),
        Topic("t", frozenset({"catalog"}), "user_id", "delete", partitions=12),
        Topic("t", frozenset({"janitor"}), "asset_id", "delete", partitions=12),
    ],
)
def test_a_topic_keeps_its_producer_key_policy_and_partitions(topic: Topic) -> None:
    old = Topic("t", frozenset({"catalog"}), "asset_id", "delete", partitions=12)
    assert broken(contract_of_topic(old), contract_of_topic(topic))
