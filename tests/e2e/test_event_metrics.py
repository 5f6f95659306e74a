"""What Prometheus finds at the services: names, labels and values of the event backbone."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

import httpx
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.client import eventually

from common.events.topics import CONSUMERS
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PARTITION = frozenset({"group", "topic", "partition"})
GROUP = frozenset({"group"})
NONE = frozenset[str]()

RELAY = {
    "media_outbox_pending_rows": NONE,
    "media_outbox_oldest_age_seconds": NONE,
    "media_outbox_published_total": NONE,
    "media_relay_leader": NONE,
    "media_relay_fenced_total": NONE,
    "media_watermark_age_seconds": NONE,
}
CONSUMER = {
    "media_consumer_lag_records": PARTITION,
    "media_consumer_lag_seconds": PARTITION,
    "media_consumer_paused": GROUP,
    "media_inbox_duplicates_total": GROUP,
    "media_parked_keys": GROUP,
}
JOBS = {
    "media_jobs": frozenset({"state"}),
    "media_job_queue_age_seconds": NONE,
    "media_job_lease_lost_total": NONE,
}
LAG = {name: PARTITION for name in CONSUMER if "_lag_" in name}
EXPECTED = {
    "upload-gateway": RELAY | CONSUMER,
    "catalog": RELAY | CONSUMER,
    "transcoder": RELAY | CONSUMER | JOBS,
    "janitor": RELAY | CONSUMER | JOBS,
    "delivery": RELAY | LAG | {"media_projection_rebuild_lag_records": NONE},
}
# counted from the first on, so that the name alone is there before
DEAD_LETTERS = "media_dlq_records"
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")


def scrape(stack: Stack, service: str) -> list[Metric]:
    """Everything a service shows, read as Prometheus reads it."""
    answer = httpx.get(f"http://127.0.0.1:{stack.port(service)}/metrics", timeout=10)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return list(text_string_to_metric_families(answer.text))


def labels_of(families: list[Metric]) -> dict[str, frozenset[str]]:
    """Sample to the names of its labels; one name never has two sets of them."""
    found: dict[str, set[frozenset[str]]] = defaultdict(set)
    for family in families:
        for sample in family.samples:
            if not sample.name.endswith(("_bucket", "_created")):
                found[sample.name].add(frozenset(sample.labels))
    assert {name for name, sets in found.items() if len(sets) > 1} == set()
    return {name: next(iter(sets)) for name, sets in found.items()}


@pytest.mark.parametrize("service", EXPECTED)
def test_every_service_shows_the_names_and_labels_that_dashboards_ask_for(
    stack: Stack, service: str
) -> None:
    expected = EXPECTED[service]
    found = eventually(
        lambda: chosen(labels_of(scrape(stack, service)), expected),
        lambda shown: shown == expected,
        within=40,
        saying=f"{service} should show {sorted(expected)}",
    )
    assert found == expected
    families = {family.name: family for family in scrape(stack, service)}
    assert {family.type for family in families.values()} <= {"counter", "gauge", "histogram"}
    assert all(family.documentation for family in families.values())
    if service != "delivery":
        assert families[DEAD_LETTERS].type == "counter"


@pytest.mark.parametrize("service", EXPECTED)
def test_no_label_holds_an_id(stack: Stack, service: str) -> None:
    assert [pair for pair in label_values(scrape(stack, service)) if ID.search(pair[1])] == []


def chosen(
    found: Mapping[str, frozenset[str]], names: Collection[str]
) -> dict[str, frozenset[str]]:
    return {name: labels for name, labels in found.items() if name in names}


def label_values(families: list[Metric]) -> Iterator[tuple[str, str]]:
    for family in families:
        for sample in family.samples:
            yield from ((sample.name, value) for value in sample.labels.values())


def test_lag_is_shown_for_every_group_and_partition(stack: Stack) -> None:
    expected = {group: topic.partitions for group, topic in CONSUMERS.items()}
    eventually(
        lambda: partitions_shown(stack),
        lambda shown: shown == expected | {"delivery.catalog-state": 1},
        within=40,
        saying="every group should show each of its partitions once",
    )


def partitions_shown(stack: Stack) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for service in EXPECTED:
        for family in scrape(stack, service):
            if family.name == "media_consumer_lag_records":
                for sample in family.samples:
                    found[sample.labels["group"]] += 1
    return dict(found)
