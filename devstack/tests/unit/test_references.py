"""One syntax of references, two places they are filled in for."""

from dataclasses import replace
from pathlib import Path

import pytest

from devstack.container_place import ContainerPlace
from devstack.errors import TopologyError
from devstack.local_place import LocalPlace
from devstack.references import fill
from devstack.repository import topology

TABLE = topology()


def test_an_address_is_a_loopback_port_here_and_a_service_name_in_a_container() -> None:
    process = TABLE.processes["catalog"]
    here = LocalPlace(TABLE, Path("/nowhere"), 20000)
    assert fill(TABLE, here, process, "${kafka.address}") == "127.0.0.1:20010"
    assert fill(TABLE, ContainerPlace(TABLE), process, "${kafka.address}") == "kafka:9092"


def test_a_secret_is_a_required_variable_in_a_container() -> None:
    process = TABLE.processes["catalog"]
    filled = fill(TABLE, ContainerPlace(TABLE), process, "${secret.jwt}")
    assert filled.startswith("${REPRISE_JWT_SECRET:?")


@pytest.mark.parametrize("reference", ["${redis.address}", "${kafka.colour}", "${secret.none}"])
def test_an_unknown_reference_names_the_process_that_makes_it(reference: str) -> None:
    process = replace(TABLE.processes["catalog"], name="catalog")
    with pytest.raises(TopologyError, match=r"processes\.catalog: "):
        fill(TABLE, ContainerPlace(TABLE), process, reference)
