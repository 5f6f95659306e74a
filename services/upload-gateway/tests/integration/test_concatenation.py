import asyncio
import hashlib
import itertools
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running

pytestmark = pytest.mark.integration

BODY = tus.flac(13 * MIB + 4321, "concatenation")
CUTS = (0, 6 * MIB + 1, 6 * MIB + 1, 12 * MIB, len(BODY))


def partial(client: httpx.Client, body: bytes) -> str:
    headers = tus.BODY | {"Upload-Length": str(len(body)), "Upload-Concat": "partial"}
    made = client.post("/files/", headers=headers, content=body)
    assert (made.status_code, made.headers["upload-offset"]) == (201, str(len(body)))
    return str(made.headers["location"])


def final(client: httpx.Client, *urls: str, **extra: str) -> httpx.Response:
    named = {"Upload-Concat": "final;" + " ".join(urls), "Upload-Metadata": tus.AUDIO}
    return client.post("/files/", headers=named | extra)


def test_partials_become_one_file_and_leave_nothing(client: httpx.Client, places: Places) -> None:
    urls = [partial(client, BODY[a:b]) for a, b in itertools.pairwise(CUTS)]
    assert client.head(urls[0]).headers["upload-concat"] == "partial"
    # absolute, and relative to the server or to the folder
    mixed = [urls[0], httpx.URL(urls[1]).path, httpx.URL(urls[2]).path[7:], urls[3]]
    made = final(client, *mixed)
    assert made.status_code == 201, made.text
    again = final(client, *mixed)
    assert again.headers["location"] == made.headers["location"]
    path = httpx.URL(made.headers["location"]).path
    head = client.head(path)
    assert head.headers["upload-concat"] == "final;" + " ".join(mixed)
    assert head.headers["upload-length"] == str(len(BODY))
    refused = tus.patch(client, path, 0, b"x")
    assert (refused.status_code, refused.json()["code"]) == (403, "final_upload")
    found = tus.ended(client, path)
    assert (found["state"], found["sha256"]) == ("stored", hashlib.sha256(BODY).hexdigest())
    assert client.head(path).headers["upload-offset"] == str(len(BODY))
    ids = [tus.id_of(url) for url in urls]
    told = (
        "SELECT 1 FROM outbox JOIN upload ON outbox.key = asset_id::text WHERE upload.id = ANY($1)"
    )
    eventually(lambda: {client.head(url).status_code for url in urls} == {410})
    assert asyncio.run(places.rows(told, ids)) == []
    listed = client.get("/api/v1/uploads", params={"limit": 100}).json()["items"]
    assert not {item["upload_id"] for item in listed} & {str(id_) for id_ in ids}


def test_the_offset_of_a_final_upload_is_not_told_before_it_is_built(
    client: httpx.Client, places: Places
) -> None:
    made = final(client, partial(client, tus.flac(900, "early")))
    assert "upload-offset" not in made.headers
    tus.ended(client, httpx.URL(made.headers["location"]).path)


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Concat": "final;/files/{id}", "Upload-Length": "5"},
        {"Upload-Concat": "final;/files/{id}", "Upload-Defer-Length": "1"},
        {"Upload-Concat": "final;http://elsewhere.example/files/{id}"},
        {"Upload-Concat": "final;//elsewhere.example/files/{id}"},
        {"Upload-Concat": "final;/api/v1/uploads/{id}"},
        {"Upload-Concat": "final;/files/../m/{id}"},
        {"Upload-Concat": "final;/files/nonsense"},
        {"Upload-Concat": "final;/files/6ad14d6b-6cf9-4a85-8b70-9b81d9ad1d20"},
        {"Upload-Concat": "final;/files/{id} /files/{id}"},
        {"Upload-Concat": "final;" + " ".join(["/files/{id}"] * 65)},
        {"Upload-Concat": "final;"},
        {"Upload-Concat": "final"},
        {"Upload-Concat": "partial"},
        {"Upload-Concat": "partial;x", "Upload-Length": "5"},
        {"Upload-Concat": "whole", "Upload-Length": "5"},
    ],
)
def test_a_concatenation_that_makes_no_sense_is_400(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    upload_id = str(tus.id_of(partial(client, b"")))
    said = {name: value.replace("{id}", upload_id) for name, value in headers.items()}
    assert client.post("/files/", headers=said).status_code == 400


def test_only_whole_partials_of_ones_own_are_joined(
    gateway: RealGateway, client: httpx.Client
) -> None:
    mine = partial(client, b"abc")
    made = client.post("/files/", headers={"Upload-Length": "5", "Upload-Concat": "partial"})
    unfinished = final(client, mine, made.headers["location"])
    assert (unfinished.status_code, unfinished.json()["code"]) == (409, "partial_unfinished")
    with gateway.client(gateway.places.token("stranger@example.org")) as stranger:
        assert final(stranger, mine).json()["code"] == "partial_unfit"
    assert client.delete(mine).status_code == 204
    assert final(client, mine).status_code == 410


def test_a_partial_of_what_is_being_built_is_not_ended_and_one_of_nothing_is(
    places: Places, log: Path
) -> None:
    with running(places, log, REPRISE_ROLES="http") as gateway, gateway.client() as client:
        piece = partial(client, tus.flac(900, "being built"))
        made = final(client, piece)
        refused = client.delete(piece)
        assert (refused.status_code, refused.json()["code"]) == (423, "upload_busy")
        assert refused.headers["retry-after"] == "2"
        assert client.delete(made.headers["location"]).status_code == 204
        assert client.head(piece).status_code == 410
