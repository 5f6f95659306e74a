"""A success is on disk before it is told: the gateway is killed as soon as the answer is read."""

import asyncio
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.forked_gateways import forks
from gateway_support.places import Places
from gateway_support.real_gateway import RealGateway, Spawn, eventually, running

pytestmark = [pytest.mark.integration]

SIZE = 1500
AT_ONCE = 4  # gateways that are started, answer and die side by side


@pytest.fixture(scope="module")
def spawn() -> Iterator[Spawn]:
    with forks() as forking:
        yield forking


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.req("CAT-02")
def test_a_thousand_kills_right_after_a_success_lose_nothing(
    places: Places, log: Path, spawn: Spawn
) -> None:
    killed_after_success(places, log, spawn, 1000)


@pytest.mark.timeout(60)
def test_some_kills_right_after_a_success_lose_nothing(
    places: Places, log: Path, spawn: Spawn
) -> None:
    killed_after_success(places, log, spawn, 8)


def killed_after_success(places: Places, log: Path, spawn: Spawn, times: int) -> None:
    with ExitStack() as stack:
        # these do nothing but answer: what they leave is another's to finish
        gateways = [RealGateway(places, log, spawn, REPRISE_ROLES="http") for _ in range(AT_ONCE)]
        for gateway in gateways:
            stack.callback(gateway.kill)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            rounds = [
                pool.submit(lives, gateway, range(first, times, AT_ONCE))
                for first, gateway in enumerate(gateways)
            ]
            told = {path: body for one in rounds for path, body in one.result().items()}
    assert len(told) == times
    rows = asyncio.run(places.rows('SELECT id, "offset", state FROM upload'))
    found = {row["id"]: (row["offset"], row["state"]) for row in rows}
    for path in told:
        assert found[tus.id_of(path)] == (SIZE, "verifying"), "a success was forgotten"
    everything_arrives(places, log, told)


def lives(gateway: RealGateway, numbers: range) -> dict[str, bytes]:
    """One life for each number: start, take a file, answer, die. What was told to be there."""
    told = dict[str, bytes]()
    token = gateway.places.token()
    for number in numbers:
        body = tus.flac(SIZE, f"{number} of {gateway.port}")
        gateway.start()
        with gateway.client(token) as client:
            headers = tus.BODY | {"Upload-Length": str(SIZE), "Upload-Metadata": tus.AUDIO}
            answer = client.post("/files/", headers=headers, content=body)
            gateway.kill()
        assert answer.status_code == 201, answer.text
        assert answer.headers["upload-offset"] == str(SIZE)
        told[httpx.URL(answer.headers["location"]).path] = body
    return told


def everything_arrives(places: Places, log: Path, told: dict[str, bytes]) -> None:
    """Whoever comes after them finishes their uploads, and the bytes are those that were sent."""
    query = "SELECT id, state, sha256, key FROM upload WHERE id = ANY($1)"
    ids = [tus.id_of(path) for path in told]
    with running(places, log):
        eventually(
            lambda: all(row["state"] == "stored" for row in asyncio.run(places.rows(query, ids))),
            patience=60 + len(ids) / 5,
        )
    rows = asyncio.run(places.rows(query, ids))
    digests = {row["id"]: row["sha256"] for row in rows}
    for path, body in told.items():
        assert digests[tus.id_of(path)] == hashlib.sha256(body).hexdigest()
    sizes = asyncio.run(places.objects("u/"))
    assert {sizes.get(row["key"]) for row in rows} == {SIZE}
