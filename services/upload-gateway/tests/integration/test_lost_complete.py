"""The answer to Complete is lost on its way: the store is asked before anything is decided."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator

import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places, make_places
from gateway_support.real_gateway import RealGateway, running

from devstack.faults.s3.server import FaultyS3
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

KEYS = ("losing", "a-secret-of-the-losing-store")
COMPLETE = "CompleteMultipartUpload"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyS3]:
    with FaultyS3(tmp_path_factory.mktemp("store"), *KEYS) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(
    infra: Stack, store: FaultyS3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealGateway]:
    places, log = (
        make_places({**infra.env, **store.environment}),
        tmp_path_factory.mktemp("gateway") / "log",
    )
    with running(places, log) as started:
        yield started


def is_reset(store: FaultyS3, times: int | None) -> None:
    store.reset_after(COMPLETE, times=times)


def is_cut(store: FaultyS3, times: int | None) -> None:
    store.cut_answer(COMPLETE, 100, times=times)


@pytest.mark.parametrize(
    ("lost", "repeats"),
    [(is_reset, "are answered"), (is_cut, "are refused"), (is_reset, "are lost as well")],
)
def test_an_upload_whose_complete_was_not_answered_is_one_object_and_one_fact(
    gateway: RealGateway,
    store: FaultyS3,
    lost: Callable[[FaultyS3, int | None], None],
    repeats: str,
) -> None:
    lost(store, None if repeats == "are lost as well" else 1)
    if repeats == "are refused":
        store.fail(COMPLETE, status=404, code="NoSuchUpload")
    body = tus.flac(11 * MIB, f"{lost.__name__}, repeats {repeats}")
    try:
        with gateway.client() as client:
            ended = tus.ended(client, tus.upload(client, body))
    finally:
        store.heal()
    assert (ended["state"], ended["sha256"]) == ("stored", hashlib.sha256(body).hexdigest())
    places = gateway.places
    (row,) = asyncio.run(
        places.rows("SELECT key FROM upload WHERE asset_id = $1", ended["asset_id"])
    )
    assert [key for key in store.keys if ended["asset_id"] in key] == [row["key"]]
    assert row["key"] not in store.open_multiparts
    assert asyncio.run(places.content(row["key"])) == body
    assert facts(places, ended["asset_id"]) == ["started", "completed"]
    asked = [call.operation for call in store.calls if call.key == row["key"]]
    assert "HeadObject" in asked[asked.index(COMPLETE) :]


def facts(places: Places, asset_id: str) -> list[str]:
    query = "SELECT type FROM outbox WHERE key = $1 AND type LIKE 'reprise.upload.%'"
    found = asyncio.run(places.rows(f"{query} ORDER BY position", asset_id))
    return [row["type"].split(".")[2] for row in found]
