from dataclasses import replace

from common.events.topics import ACCESSES, CATALOG_STATE, CONSUMERS, TOPICS, dead_letter_topic
from common.kafka.topics import ALL_TOPICS, _differences


def test_every_consumer_of_facts_has_a_dead_letter_topic_and_no_reader_of_names_has() -> None:
    names = {topic.name for topic in ALL_TOPICS}
    for group, topic in CONSUMERS.items():
        assert (dead_letter_topic(topic, group).name in names) == (topic.policy == "delete")
    assert {topic.name for topic in TOPICS} <= names


def test_a_topic_that_is_as_it_shall_be_needs_nothing() -> None:
    assert _differences(ACCESSES, ACCESSES.partitions, ACCESSES.config()) == []


def test_settings_beyond_ours_are_left_alone() -> None:
    config = ACCESSES.config() | {"segment.bytes": "1"}
    assert _differences(ACCESSES, ACCESSES.partitions, config) == []


def test_a_missing_setting_is_put_right() -> None:
    (change,) = _differences(CATALOG_STATE, 1, {})
    assert change.kind == "configure"
    assert "cleanup.policy=None -> compact" in change.detail


def test_partitions_are_never_changed() -> None:
    (change,) = _differences(replace(ACCESSES, partitions=3), 12, {})
    assert change.kind == "refused"
