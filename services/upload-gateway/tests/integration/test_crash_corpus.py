"""Uploads that nobody comes back to, one for each point at which their gateway died."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.forked_gateways import forks
from gateway_support.places import MIB, Places, make_places
from gateway_support.real_gateway import RealGateway, Spawn, eventually, running
from gateway_support.store_audit import strays

from common.failpoints import POINTS
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(300)]

POINTS_HERE = sorted(point for point in POINTS if point.startswith("gateway."))
BODY = tus.flac(11 * MIB, "left alone")
# points that an upload passes only once all of its bytes are there: it is stored by who comes next
FINISHED = {"gateway.before_complete", "gateway.after_complete", "gateway.after_stored"}


@pytest.fixture
def own(infra: Stack) -> Places:
    """A bucket and a database in which nothing else ever was."""
    return make_places(infra.env)


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    with forks() as forking:
        yield forking


@pytest.mark.req("JAN-07")
def test_whatever_a_dead_gateway_left_is_finished_or_gone_after_a_sweep(
    own: Places, log: Path, spawn: Spawn
) -> None:
    for point in POINTS_HERE:
        left_by_one_that_died_at(point, own, log, spawn)
    assert asyncio.run(own.multiparts()) != []
    (orphan,) = asyncio.run(own.rows("SELECT count(*) AS n FROM upload WHERE multipart_id IS NULL"))
    assert orphan["n"] > 0
    # its writer is at work, so the sweep passes it by, whatever its row says
    with (
        running(own, log, REPRISE_UPLOAD_SWEEP_INTERVAL="0.3") as gateway,
        gateway.client() as client,
    ):
        live = tus.create(client, len(BODY))
        with tus.RawPatch(gateway, live, 0, len(BODY)) as raw:
            raw.send(BODY[: 6 * MIB])
            eventually(lambda: states(own)[tus.id_of(live)] == "receiving")
            asyncio.run(own.rows("UPDATE upload SET expires_at = now() - interval '1 hour'"))
            eventually(lambda: at_rest(own, live))
            eventually(lambda: asyncio.run(strays(own)) == [])
            keys = asyncio.run(own.rows("SELECT key FROM upload WHERE id = $1", tus.id_of(live)))
            assert asyncio.run(own.multiparts()) == [keys[0]["key"]]
            raw.send(BODY[6 * MIB :])
            assert raw.answer().startswith("HTTP/1.1 204")
        assert tus.ended(client, live)["state"] == "stored"
    assert asyncio.run(own.multiparts()) == []
    assert asyncio.run(own.objects("staging/")) == {}
    assert asyncio.run(strays(own)) == []
    assert list(states(own).values()).count("stored") == len(FINISHED) + 1


def left_by_one_that_died_at(point: str, places: Places, log: Path, spawn: Spawn) -> None:
    gateway = RealGateway(places, log, spawn)
    gateway.start(f"{point}=exit")
    try:
        with gateway.client() as client:
            path = tus.create(client, len(BODY))
            for at in range(0, len(BODY), 4 * MIB):
                tus.patch(client, path, at, BODY[at : at + 4 * MIB])
                if point == "gateway.after_end":
                    client.delete(path)
    except httpx.TransportError:
        pass
    finally:
        try:
            gateway.died()
        finally:
            gateway.kill()
    assert f'"failpoint": "{point}"' in gateway.log()


def states(places: Places) -> dict[object, str]:
    found = asyncio.run(places.rows("SELECT id, state FROM upload"))
    return {row["id"]: row["state"] for row in found}


def at_rest(places: Places, live: str) -> bool:
    """Everybody else has ended, and what it left was cleared."""
    rows = asyncio.run(places.rows("SELECT id, cleared FROM upload"))
    return all(row["cleared"] for row in rows if row["id"] != tus.id_of(live))
