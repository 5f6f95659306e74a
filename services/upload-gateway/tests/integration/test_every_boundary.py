"""A client that vanishes again and again, each time 64 KiB further on."""

import asyncio
import hashlib
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running
from gateway_support.store_audit import strays

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(300)]

STEP = 64 * 1024
BODY = tus.flac(5 * MIB + 5 * STEP + 77, "every boundary")


def received(gateway: RealGateway) -> float:
    lines = httpx.get(f"{gateway.url}/metrics").text.splitlines()
    counted = (line for line in lines if "received_bytes_total " in line and line[0] != "#")
    return sum(float(line.split()[1]) for line in counted)


def test_a_disconnect_at_every_boundary_keeps_each_byte_and_frees_the_slot(
    places: Places, log: Path
) -> None:
    with running(places, log) as gateway, gateway.client() as client:
        path = tus.create(client, len(BODY))
        for at in range(0, len(BODY) - STEP, STEP):
            before = received(gateway)
            with tus.RawPatch(gateway, path, at, len(BODY) - at) as raw:
                raw.send(BODY[at : at + STEP])
                eventually(lambda before=before: received(gateway) == before + STEP)  # type: ignore[misc]
            eventually(lambda at=at: row(places, path) == (at + STEP, False))  # type: ignore[misc]
        tus.send_the_rest(client, path, BODY)
        found = tus.ended(client, path)
        assert (found["state"], found["sha256"]) == ("stored", hashlib.sha256(BODY).hexdigest())
        eventually(
            lambda: not [s for s in asyncio.run(strays(places)) if str(tus.id_of(path)) in s]
        )


def row(places: Places, path: str) -> tuple[int, bool]:
    """The offset, and whether a slot is held."""
    query = (
        'SELECT "offset", EXISTS (SELECT FROM upload_lease WHERE upload_id = upload.id) AS held'
        " FROM upload WHERE id = $1"
    )
    (found,) = asyncio.run(places.rows(query, tus.id_of(path)))
    return found["offset"], found["held"]
