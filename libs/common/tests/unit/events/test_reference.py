"""The generated pages name every type and say of every field what it means."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from common.events import EVENT_TYPES
from common.events.envelope import OURS
from common.events.reference.fields import meaning, parts_of, rows
from common.events.reference.guide import ENVELOPE
from common.events.reference.markdown import markdown
from common.events.reference.people import ABOUT
from common.events.reference.schemas import schema_of
from common.events.reference.yaml_text import to_yaml
from common.events.topics import TOPICS

PAGE = markdown({})
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_every_field_of_every_type_says_what_it_means(name: str) -> None:
    schema = schema_of(EVENT_TYPES[name])
    objects = [schema, *(part for _, part in parts_of(schema))]
    silent = [
        field
        for item in objects
        for field, value in item.get("properties", {}).items()
        if not meaning(value)
    ]
    assert silent == [], "give the field a description in its model"


def test_the_page_has_every_type_topic_and_header() -> None:
    assert all(f"### {model.__name__}\n" in PAGE for model in EVENT_TYPES.values())
    assert all(f"## {topic.name}\n" in PAGE for topic in TOPICS)
    assert all(f"`{name}`" in ENVELOPE for name in OURS)
    assert ABOUT.keys() == {topic.name for topic in TOPICS}


def test_a_row_shows_type_presence_and_meaning() -> None:
    found = {row.name: row for row in rows(schema_of(EVENT_TYPES["reprise.upload.completed.v1"]))}
    assert (found["size"].type, found["size"].presence) == ("integer ≥ 0", "required")
    assert found["parent"].presence == "optional"
    assert found["asset_id"].type == "uuid"


@given(value=st.dictionaries(TEXT, VALUES, max_size=4).filter(bool))
def test_yaml_is_read_back_as_it_was_written(value: dict[str, object]) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


@pytest.mark.parametrize(
    "word", ["yes", "No", "null", "~", "1.5", "0x1", "2026-01-02", "a: b", "a #b", "- a", "<<", ""]
)
def test_a_text_that_looks_like_something_else_stays_a_text(word: str) -> None:
    assert yaml.safe_load(to_yaml({word: [word]})) == {word: [word]}
