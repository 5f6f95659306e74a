"""A mistake in the table is told by the name of the key."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.errors import TopologyError
from devstack.repository import TOPOLOGY
from devstack.topology_file import load_topology, parse_topology


def _document() -> dict[str, Any]:
    document = yaml.safe_load(TOPOLOGY.read_text())
    assert isinstance(document, dict)
    return deepcopy(document)


def test_the_committed_table_is_understood() -> None:
    topology = load_topology(TOPOLOGY)
    assert [one.name for one in topology.services()] == [
        "upload-gateway", "catalog", "transcoder", "delivery", "janitor",
    ]  # fmt: skip
    assert topology.edge().name == "nginx"
    assert topology.processes["catalog"].environment["REPRISE_KAFKA_BOOTSTRAP"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("processes", "catalog", "helth"), {}, "processes.catalog.helth: unknown key"),
        (("processes", "catalog", "port"), "2", "processes.catalog.port: a whole number"),
        (("processes", "catalog", "kind"), "daemon", "processes.catalog.kind: 'daemon' is none of"),
        (("processes", "catalog", "needs"), ["redis"], "processes.catalog.needs: no process 'red"),
        (("processes", "catalog", "uses"), ["mail"], "processes.catalog.uses: no environment gr"),
        (("processes", "catalog", "port"), 1, "processes.catalog.port: 1 is already the offset"),
        (("processes", "catalog", "health", "check"), "luck", "processes.catalog.health.check"),
        (("processes", "kafka", "properties", "node.id"), 1, "kafka.properties.node.id: text"),
        (("processes", "kafka", "container", "build"), "x", "container.image: exactly one"),
        (("secrets", "jwt", "form"), "triangle", "secrets.jwt.form: 'triangle' is none of"),
        (("routes",), [{"prefix": "/x/", "to": "nobody"}], "routes[0].to: no process 'nobody'"),
        (("routes",), [{"pattern": "(", "to": "catalog"}], "routes[0].pattern: "),
        (("routes",), [{"to": "catalog"}], "routes[0].exact: one of"),
        (("port_base",), None, "port_base: a whole number is wanted"),
    ],
)
def test_a_mistake_is_told_by_its_key(path: tuple[str, ...], value: object, message: str) -> None:
    document = _document()
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(TopologyError) as caught:
        parse_topology(document)
    assert message in str(caught.value)


def test_a_missing_key_is_named() -> None:
    document = _document()
    del document["processes"]["delivery"]["stop"]
    with pytest.raises(TopologyError, match=r"^processes\.delivery\.stop: missing$"):
        parse_topology(document)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"absent\.yaml"):
        load_topology(tmp_path / "absent.yaml")
