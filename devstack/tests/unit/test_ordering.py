"""What must be ready first starts first."""

from dataclasses import replace

import pytest

from devstack.errors import TopologyError
from devstack.ordering import layers
from devstack.repository import topology

TABLE = topology()


def _names(selected: list[str]) -> list[list[str]]:
    return [[one.name for one in layer] for layer in layers(TABLE, selected)]


def test_servers_come_first_then_setup_then_services_then_the_edge() -> None:
    assert _names(list(TABLE.processes)) == [
        ["kafka", "postgres", "s3"],
        ["setup"],
        ["upload-gateway", "catalog", "transcoder", "delivery", "janitor"],
        ["nginx"],
    ]


def test_a_need_that_is_not_wanted_counts_as_met() -> None:
    assert _names(["nginx", "catalog"]) == [["catalog"], ["nginx"]]


def test_an_unknown_process_is_named() -> None:
    with pytest.raises(TopologyError, match="redis"):
        layers(TABLE, ["redis"])


def test_a_circle_is_named() -> None:
    kafka = replace(TABLE.processes["kafka"], needs=("setup",))
    table = replace(TABLE, processes={**TABLE.processes, "kafka": kafka})
    with pytest.raises(TopologyError, match="circle"):
        layers(table, list(table.processes))
