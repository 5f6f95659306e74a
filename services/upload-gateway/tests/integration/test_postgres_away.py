"""Postgres goes away while the last bytes of a file arrive: nobody is told that they are safe."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running

from devstack.faults.tcp_proxy import TcpProxy

pytestmark = pytest.mark.integration

BODY = tus.flac(7 * MIB, "postgres away")


@pytest.fixture
def postgres(places: Places) -> Iterator[TcpProxy]:
    at = urlsplit(places.env["REPRISE_POSTGRES_URL"])
    with TcpProxy(at.hostname or "", at.port or 5432) as proxy:
        yield proxy


@pytest.fixture
def proxied(places: Places, postgres: TcpProxy, log: Path) -> Iterator[RealGateway]:
    at = urlsplit(places.env["REPRISE_POSTGRES_URL"])
    url = at._replace(netloc=f"{at.username}:{at.password}@127.0.0.1:{postgres.port}").geturl()
    with running(replace(places, env={**places.env, "REPRISE_POSTGRES_URL": url}), log) as gateway:
        yield gateway


@pytest.mark.req("CAT-04")
def test_without_postgres_the_last_bytes_are_503_and_sent_again_later(
    places: Places, postgres: TcpProxy, proxied: RealGateway
) -> None:
    with proxied.client() as client:
        path = tus.create(client, len(BODY))
        with tus.RawPatch(proxied, path, 0, len(BODY)) as raw:
            raw.send(BODY[: 6 * MIB])
            eventually(lambda: row(places, path)["offset"] == 5 * MIB)
            postgres.refuse()
            raw.send(BODY[6 * MIB :])
            answer = raw.answer()
        assert answer.startswith("HTTP/1.1 503")
        assert "retry-after" in answer.lower()
        assert row(places, path) == {"offset": 5 * MIB, "state": "receiving"}
        headers = {"Upload-Length": "9", "Upload-Metadata": tus.AUDIO}
        assert client.post("/files/", headers=headers).status_code == 503
        assert tus.patch(client, path, 5 * MIB, BODY[5 * MIB :]).status_code == 503
        assert row(places, path)["offset"] == 5 * MIB
        postgres.pass_through()
        eventually(lambda: client.head(path).status_code == 200)
        assert tus.offset(client, path) == 5 * MIB
        eventually(lambda: finished(client, path))
        found = tus.ended(client, path)
        assert (found["state"], found["sha256"]) == ("stored", hashlib.sha256(BODY).hexdigest())


def finished(client: httpx.Client, path: str) -> bool:
    return tus.patch(client, path, 5 * MIB, BODY[5 * MIB :]).status_code == 204


def row(places: Places, path: str) -> dict[str, object]:
    (found,) = asyncio.run(
        places.rows('SELECT "offset", state FROM upload WHERE id = $1', tus.id_of(path))
    )
    return found
