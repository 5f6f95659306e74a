"""Uploads into stores that lack things, refuse things or hang: what clients and operators see."""

import hashlib
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, running

from devstack.faults.s3.behaviour import Offers
from devstack.faults.s3.server import FaultyS3

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]
KEYS = ("faulty", "a-secret-of-the-faulty-store")
PART = 5 * MIB  # what the gateways of these tests are set to
# without these a store loses or keeps what it should not, and no way in can help
NEEDED = {"aborts", "deletes", "keeps_order"}
OPTIONAL = [field.name for field in fields(Offers) if field.name not in NEEDED]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyS3]:
    with FaultyS3(tmp_path_factory.mktemp("store"), *KEYS) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(
    places: Places, store: FaultyS3, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealGateway]:
    log = tmp_path_factory.mktemp("gateway") / "log"
    with running(places, log, **store.environment) as started:
        yield started


@pytest.fixture
def whole(store: FaultyS3) -> Iterator[FaultyS3]:
    """The store as it should be, now and for whoever comes next."""
    yield store
    store.heal()
    store.offer(**dict.fromkeys(OPTIONAL, True))


def failures(gateway: RealGateway, code: str) -> float:
    """What the gateway's counter says."""
    text = httpx.get(f"{gateway.url}/metrics").text
    found = re.search(rf'^media_storage_failures_total{{code="{code}"}} (\S+)', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def parts_of(store: FaultyS3, key: str) -> dict[int, list[tuple[int, int]]]:
    """Sizes and answers of each part of an object, as they came over the wire."""
    seen: dict[int, list[tuple[int, int]]] = {}
    for call in store.calls:
        if call.operation == "UploadPart" and call.key == key and call.part is not None:
            seen.setdefault(call.part, []).append((call.size, call.status))
    return seen


def key_of(store: FaultyS3, asset_id: str) -> str:
    (key,) = {call.key for call in store.calls if call.key.startswith(f"u/{asset_id}/")}
    return key


@pytest.mark.req("UPL-10")
@pytest.mark.parametrize("chunk", [MIB, PART, 7 * MIB, 100 * MIB])
def test_the_store_sees_equal_parts_but_for_the_last_however_the_bytes_come(
    chunk: int, gateway: RealGateway, client: httpx.Client, whole: FaultyS3
) -> None:
    body = tus.flac(3 * PART + 12_345, f"parts by {chunk}")
    path = tus.create(client, len(body))
    for at in range(0, len(body), chunk):
        assert tus.patch(client, path, at, body[at : at + chunk]).status_code == 204
    ended = tus.ended(client, path)
    assert ended["state"] == "stored"
    key = key_of(whole, ended["asset_id"])
    # what the object is made of is known here, and hashed as it came: the store is not asked
    asked = {call.operation for call in whole.calls if call.key == key}
    assert "ListParts" not in asked
    assert parts_of(whole, key) == {
        1: [(PART, 200)],
        2: [(PART, 200)],
        3: [(PART, 200)],
        4: [(12_345, 200)],
    }


@pytest.mark.parametrize("missing", [*OPTIONAL, "all of them"])
def test_a_store_without_an_optional_capability_takes_uploads_by_tus(
    missing: str, gateway: RealGateway, client: httpx.Client, whole: FaultyS3
) -> None:
    names = OPTIONAL if missing == "all of them" else [missing]
    whole.offer(**dict.fromkeys(names, False))
    body = tus.flac(PART + 2 * MIB, f"without {missing}")
    path = tus.create(client, len(body))
    for at in range(0, len(body), 3 * MIB):  # whole parts, and tails that wait for their part
        assert tus.patch(client, path, at, body[at : at + 3 * MIB]).status_code == 204
    ended = tus.ended(client, path)
    assert (ended["state"], ended["sha256"]) == ("stored", hashlib.sha256(body).hexdigest())
    given_up = tus.create(client, len(body))
    assert tus.patch(client, given_up, 0, body[: PART + MIB]).status_code == 204
    assert client.delete(given_up).status_code == 204
    assert whole.open_multiparts == []
    assert not [key for key in whole.keys if key.startswith("staging/")]


@pytest.mark.req("STO-08")
def test_a_part_that_hangs_is_noticed_tried_again_or_aborted(
    gateway: RealGateway, client: httpx.Client, whole: FaultyS3
) -> None:
    bodies = [tus.flac(4 * PART, f"hangs {number}") for number in range(2)]
    paths = [tus.create(client, len(body)) for body in bodies]
    before = failures(gateway, "storage_unavailable")
    whole.hang("UploadPart", part=3)
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda i: tus.patch(client, paths[i], 0, bodies[i]), range(2)))
    # given up by the gateway's own limit, long before anybody else's
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(answer.headers["retry-after"] for answer in answers)
    assert all(answer.elapsed.total_seconds() < 20 for answer in answers)
    assert failures(gateway, "storage_unavailable") == before + 2
    assert [tus.offset(client, path) for path in paths] == [2 * PART, 2 * PART]
    whole.heal()
    tus.send_the_rest(client, paths[0], bodies[0])
    ended = tus.ended(client, paths[0])
    assert (ended["state"], ended["sha256"]) == ("stored", hashlib.sha256(bodies[0]).hexdigest())
    third = parts_of(whole, key_of(whole, ended["asset_id"]))[3]
    assert [size for size, _ in third] == [PART, PART]
    assert client.delete(paths[1]).status_code == 204
    assert whole.open_multiparts == []


@pytest.mark.req("STO-07")
@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (501, "NotImplemented", "storage_unsupported"),
        (403, "AccessDenied", "storage_denied"),
        (503, "SlowDown", "storage_busy"),
    ],
)
def test_what_the_store_refuses_is_told_by_its_code_and_counted(
    status: int, said: str, code: str, gateway: RealGateway, client: httpx.Client, whole: FaultyS3
) -> None:
    body = tus.flac(PART + 1, f"refused by {said}")
    path, before = tus.create(client, len(body)), failures(gateway, code)
    whole.fail("UploadPart", status=status, code=said)
    answer = tus.patch(client, path, 0, body)
    assert (answer.status_code, answer.json()["code"]) == (503, code)
    assert failures(gateway, code) > before
    whole.heal()
    assert tus.offset(client, path) == 0
    tus.send_the_rest(client, path, body)
    assert tus.ended(client, path)["state"] == "stored"


@pytest.mark.req("STO-11")
def test_a_process_with_wrong_names_of_a_store_ends_at_once_and_says_each(
    places: Places, log: Path
) -> None:
    wrong = {"MEDIA_ASSETS_BUCKET": "Not A Bucket", "MEDIA_S3_REGION": "eu central"}
    began = time.monotonic()
    gateway = RealGateway(places, log, **wrong)
    gateway.start(ready=False)
    assert gateway.died() == 2
    assert time.monotonic() - began < 15
    lines = gateway.log().splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["settings:", name, "is", "wrong:"] for name in ("MEDIA_S3_REGION", "MEDIA_ASSETS_BUCKET")
    ]
