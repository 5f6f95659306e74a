"""The committed compose file and edge configuration are what the topology makes, and valid."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from devstack.generate import generated_files, stale_files
from devstack.repository import ROOT, topology

# The Compose Specification as docker-compose 1.29.2 (Apache-2.0) ships it: the oldest we support.
SCHEMA = Path(__file__).with_name("compose_spec.json")


def _services() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(generated_files(topology())["docker-compose.yml"])
    services = document["services"]
    assert isinstance(services, dict)
    return services


def test_generating_again_changes_nothing() -> None:
    assert stale_files(topology(), ROOT) == []


def test_a_changed_topology_is_noticed(tmp_path: Path) -> None:
    assert stale_files(topology(), tmp_path) == ["docker-compose.yml", "deploy/nginx/reprise.conf"]


def test_compose_accepts_the_file() -> None:
    document = yaml.safe_load(generated_files(topology())["docker-compose.yml"])
    jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text())).validate(document)


def test_every_process_is_a_container_with_the_same_needs() -> None:
    table, services = topology(), _services()
    assert list(services) == list(table.processes)
    for name, process in table.processes.items():
        assert list(services[name].get("depends_on", {})) == list(process.needs)


def test_only_the_edge_has_a_port_outside_and_only_on_loopback() -> None:
    published = {name: one["ports"] for name, one in _services().items() if "ports" in one}
    assert published == {"nginx": ["127.0.0.1:${REPRISE_PORT_BASE:-18000}:8080"]}


def test_no_secret_has_a_value() -> None:
    text = generated_files(topology())["docker-compose.yml"]
    for secret in topology().secrets.values():
        assert f"${{{secret.variable}:?" in text
    assert "${MEDIA_S3_SECRET_ACCESS_KEY}" not in text


def test_whatever_keeps_running_has_a_health_check_and_a_memory_limit() -> None:
    for name, one in _services().items():
        assert "mem_limit" in one
        assert ("healthcheck" in one) == (name != "setup")


def test_our_own_containers_are_read_only_and_without_capabilities() -> None:
    for process in (*topology().services(), topology().processes["setup"]):
        one = _services()[process.name]
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
