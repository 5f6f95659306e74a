"""Sizes that are not what was said, and questions before the body (`Expect: 100-continue`)."""

import asyncio

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually

pytestmark = pytest.mark.integration
AVATAR = tus.metadata(kind="avatar", filename="me.png", filetype="image/png")


def deferred(client: httpx.Client, meta: str) -> str:
    headers = {"Upload-Defer-Length": "1", "Upload-Metadata": meta}
    return httpx.URL(client.post("/files/", headers=headers).headers["location"]).path


def left_in_store(places: Places, path: str) -> list[str]:
    """Objects and open multiparts of this upload."""
    query = "SELECT key FROM upload WHERE id = $1"
    key = asyncio.run(places.rows(query, tus.id_of(path)))[0]["key"]
    objects = [*asyncio.run(places.objects(key))]
    objects += asyncio.run(places.objects(f"staging/{tus.id_of(path)}/"))
    return objects + asyncio.run(places.multiparts(key))


@pytest.mark.req("UPL-06")
def test_a_content_length_beyond_the_length_is_refused_before_the_body(
    gateway: RealGateway, client: httpx.Client, places: Places
) -> None:
    path = tus.create(client, 10)
    with tus.RawPatch(gateway, path, 0, 4096 * MIB) as raw:
        assert "413" in raw.answer().splitlines()[0]
    assert tus.offset(client, path) == 0
    assert left_in_store(places, path) == []


def test_bytes_behind_a_content_length_that_is_too_small_never_count(
    gateway: RealGateway, client: httpx.Client
) -> None:
    path = tus.create(client, 100)
    with tus.RawPatch(gateway, path, 0, 10) as raw:
        raw.send(bytes(1000))
        # what follows the body is no request that anybody could understand
        assert raw.answer().splitlines()[0].split()[1] in {"204", "400"}
    assert tus.offset(client, path) <= 10


@pytest.mark.req("UPL-06")
def test_an_avatar_of_unknown_length_is_cut_at_the_limit_of_avatars(
    client: httpx.Client, places: Places
) -> None:
    path = deferred(client, AVATAR)
    answer = tus.patch(client, path, 0, iter([bytes(MIB)] * 11))
    assert (answer.status_code, answer.json()["code"]) == (413, "over_limit")
    assert answer.json()["allowed"] == 10 * MIB
    assert tus.offset(client, path) <= 10 * MIB
    assert client.delete(path).status_code == 204
    eventually(lambda: left_in_store(places, path) == [])


@pytest.mark.req("UPL-06")
def test_a_chunked_body_past_the_length_is_refused_and_leaves_nothing(
    client: httpx.Client, places: Places
) -> None:
    path = tus.create(client, 6 * MIB)
    answer = tus.patch(client, path, 0, iter([bytes(MIB)] * 8))
    assert (answer.status_code, answer.json()["code"]) == (413, "past_length")
    client.delete(path)
    eventually(lambda: left_in_store(places, path) == [])


@pytest.mark.parametrize(
    ("offset", "size", "first"),
    [(0, 10, "HTTP/1.1 100"), (5, 5, "HTTP/1.1 409"), (0, 11, "HTTP/1.1 413")],
)
def test_a_client_that_asks_first_is_answered_before_its_body(
    gateway: RealGateway, client: httpx.Client, offset: int, size: int, first: str
) -> None:
    path = tus.create(client, 10)
    with tus.RawPatch(gateway, path, offset, size, expect="100-continue") as raw:
        assert raw.answer().startswith(first)
        if first.endswith("100"):
            raw.send(bytes(10))
            assert "204" in raw.answer().splitlines()[0]


@pytest.mark.parametrize(
    ("said", "chunks"),
    [
        ({"Upload-Defer-Length": "1", "Upload-Metadata": AVATAR}, [bytes(MIB)] * 11),
        ({"Upload-Length": "999", "Upload-Metadata": tus.AUDIO}, [tus.flac(999), b"more"]),
    ],
)
def test_a_creation_whose_body_is_too_long_leaves_no_upload_without_an_address(
    gateway: RealGateway, said: dict[str, str], chunks: list[bytes]
) -> None:
    token = gateway.places.token(f"too-long-{len(chunks)}@example.org")
    with gateway.client(token) as client:
        refused = client.post("/files/", headers=tus.BODY | said, content=iter(chunks))
        assert refused.status_code == 413
        (left,) = client.get("/api/v1/uploads").json()["items"]
        assert left["state"] in {"aborted", "withdrawn"}
