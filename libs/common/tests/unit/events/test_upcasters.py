"""Records of a type that is gone are read as what replaced it, however long ago that was."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest

from common.errors import Corrupt
from common.events import EVENT_TYPES, Fact, Received, decode
from common.events.topics import UPLOADS
from common.events.upcasters import RETIRED, Retired, upcast

GOLDEN = json.loads((Path(__file__).parent / "retired" / "test.cut.v1.json").read_text("utf-8"))


class Trimmed(Fact):
    """What `test.cut.v1` became after two changes that were not additive."""

    TOPIC: ClassVar = UPLOADS
    TYPE: ClassVar = "test.trimmed.v1"
    asset_id: UUID
    start_ms: int
    end_ms: int
    by: str = "unknown"


def cut_v1(old: dict[str, Any]) -> dict[str, Any]:
    """v1 counted in seconds, v2 in milliseconds."""
    return {"asset_id": old["asset_id"], "from_ms": int(old["from"] * 1000), "ms": old["ms"]}


def cut_v2(old: dict[str, Any]) -> dict[str, Any]:
    """v2 said how long, what replaced it says until when."""
    start = old["from_ms"]
    return {"asset_id": old["asset_id"], "start_ms": start, "end_ms": start + old["ms"]}


CHAIN = {
    "test.cut.v1": Retired("test.cut.v2", cut_v1),
    "test.cut.v2": Retired("test.trimmed.v1", cut_v2),
}


def read(value: bytes, written_as: str = "test.cut.v1") -> Received:
    headers = [(k, v.encode()) for k, v in GOLDEN["headers"].items() if k != "ce_type"]
    headers.append(("ce_type", written_as.encode()))
    return decode(b"k", headers, value, types={Trimmed.TYPE: Trimmed}, retired=CHAIN)


def test_a_golden_of_a_retired_type_is_read_through_the_whole_chain() -> None:
    received = read(json.dumps(GOLDEN["value"]).encode())
    assert received.event == Trimmed(
        asset_id=UUID(GOLDEN["value"]["asset_id"]), start_ms=1500, end_ms=1750
    )
    assert received.envelope.type == "test.cut.v1", "what was written stays visible"


def test_a_later_record_joins_the_chain_where_it_stands() -> None:
    value = {"asset_id": GOLDEN["value"]["asset_id"], "from_ms": 10, "ms": 5}
    received = read(json.dumps(value).encode(), "test.cut.v2")
    assert isinstance(received.event, Trimmed)
    assert (received.event.start_ms, received.event.end_ms) == (10, 15)


def test_a_tombstone_of_a_retired_type_is_a_tombstone() -> None:
    headers = [(k, v.encode()) for k, v in GOLDEN["headers"].items()]
    assert decode(b"k", headers, None, types={}, retired=CHAIN).event is None


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"null", b"7", b'{"asset_id":"canary"}', b"\xff", b"[" * 100_000]
)
def test_a_value_that_was_never_of_the_retired_type_is_corrupt_and_not_repeated(
    value: bytes,
) -> None:
    with pytest.raises(Corrupt) as bad:
        read(value)
    assert bad.value.code == "bad_payload"
    assert "canary" not in str(bad.value)


def test_a_chain_that_ends_nowhere_is_an_unknown_type() -> None:
    headers = [(k, v.encode()) for k, v in GOLDEN["headers"].items()]
    value = json.dumps(GOLDEN["value"]).encode()
    assert decode(b"k", headers, value, types={}, retired=CHAIN).unknown


def test_a_circle_is_a_defect_of_the_table_and_says_so() -> None:
    with pytest.raises(RuntimeError, match="circle"):
        upcast("a", {}, {"a": Retired("b", dict), "b": Retired("a", dict)})


def test_every_retired_type_leads_to_a_living_one_and_is_none_itself() -> None:
    ends = {upcast_type(name, RETIRED) for name in RETIRED}
    assert ends <= EVENT_TYPES.keys()
    assert not EVENT_TYPES.keys() & RETIRED.keys()
    assert upcast_type("test.cut.v1", CHAIN) == Trimmed.TYPE


def upcast_type(name: str, retired: Mapping[str, Retired]) -> str:
    steps = 0
    while name in retired:
        name, steps = retired[name].becomes, steps + 1
        assert steps <= len(retired), "round in a circle"
    return name
