import asyncio
import hashlib
import io
from base64 import b64encode

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway
from tusclient.client import TusClient

from upload_gateway.domain.checksum import crc32c

pytestmark = pytest.mark.integration

BODY = tus.flac(11 * MIB + 77, "checksums")


def said(algorithm: str, body: bytes) -> dict[str, str]:
    digest = {
        "sha1": hashlib.sha1(body).digest(),
        "sha256": hashlib.sha256(body).digest(),
        "crc32c": crc32c(memoryview(body)).to_bytes(4, "big"),
    }[algorithm]
    return {"Upload-Checksum": f"{algorithm} {b64encode(digest).decode()}"}


def patch(
    client: httpx.Client, path: str, at: int, body: bytes, checksum: dict[str, str]
) -> httpx.Response:
    headers = tus.BODY | {"Upload-Offset": str(at)} | checksum
    return client.patch(path, headers=headers, content=body)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "crc32c"])
def test_a_body_over_three_parts_counts_only_if_it_matches(
    client: httpx.Client, places: Places, algorithm: str
) -> None:
    body = BODY + algorithm.encode()
    path = tus.create(client, len(body))
    wrong = patch(client, path, 0, body[:-1] + b"?", said(algorithm, body))
    assert (wrong.status_code, wrong.json()["code"]) == (460, "checksum_mismatch")
    assert tus.offset(client, path) == 0
    first = patch(client, path, 0, body[: 6 * MIB], said(algorithm, body[: 6 * MIB]))
    assert first.status_code == 204
    assert patch(client, path, 6 * MIB, b"x" * 100, said(algorithm, b"y" * 100)).status_code == 460
    assert tus.offset(client, path) == 6 * MIB
    assert patch(
        client, path, 6 * MIB, body[6 * MIB :], said(algorithm, body[6 * MIB :])
    ).is_success
    found = tus.ended(client, path)
    assert (found["state"], found["sha256"]) == ("stored", hashlib.sha256(body).hexdigest())
    rows = asyncio.run(
        places.rows("SELECT crc32c FROM part WHERE upload_id = $1 ORDER BY number", tus.id_of(path))
    )
    cuts = [body[at : at + 5 * MIB] for at in range(0, len(body), 5 * MIB)]
    assert [row["crc32c"] for row in rows] == [crc32c(memoryview(cut)) for cut in cuts]


def test_an_unknown_algorithm_is_400_and_nothing_happens(client: httpx.Client) -> None:
    path = tus.create(client, 100)
    answer = patch(client, path, 0, b"x", {"Upload-Checksum": "md5 AAAA"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_checksum_algorithm")
    assert tus.offset(client, path) == 0


def test_the_bytes_of_a_creation_are_checked_too(client: httpx.Client) -> None:
    body = tus.flac(1000, "with a checksum")
    headers = tus.BODY | {"Upload-Length": "1000", "Upload-Metadata": tus.AUDIO}
    wrong = client.post("/files/", headers=headers | said("sha256", b"else"), content=body)
    assert (wrong.status_code, wrong.headers["upload-offset"]) == (460, "0")
    path = httpx.URL(wrong.headers["location"]).path
    assert patch(client, path, 0, body, said("sha256", body)).status_code == 204
    assert tus.ended(client, path)["state"] == "stored"
    unknown = client.post("/files/", headers=headers | {"Upload-Checksum": "md5 AA"}, content=body)
    assert unknown.status_code == 400
    assert "location" not in unknown.headers


def test_a_public_client_checks_each_of_its_chunks(
    gateway: RealGateway, client: httpx.Client
) -> None:
    body = tus.flac(9 * MIB, "tuspy with sha1")
    bearer = {"Authorization": f"Bearer {gateway.places.token()}"}
    uploader = TusClient(f"{gateway.url}/files/", headers=bearer).uploader(
        file_stream=io.BytesIO(body),
        chunk_size=3_333_333,
        upload_checksum=True,
        metadata={"filename": "a.flac"},
    )
    uploader.upload()
    found = tus.ended(client, httpx.URL(str(uploader.url)).path)
    assert (found["state"], found["sha256"]) == ("stored", hashlib.sha256(body).hexdigest())


@pytest.mark.req("UPL-25")
def test_a_declared_file_is_compared_with_the_bytes_that_came(
    client: httpx.Client, places: Places
) -> None:
    body = tus.flac(6 * MIB, "declared")
    digest = hashlib.sha256(body).hexdigest()
    declared = tus.metadata(filename="a.flac", filetype="audio/flac", sha256=digest)
    path = tus.create(client, len(body), declared)
    corrupted = tus.patch(client, path, 0, body[:-1] + b"?")
    assert (corrupted.status_code, corrupted.json()["code"]) == (422, "checksum_mismatch")
    found = tus.status(client, path)
    assert (found["state"], found["reason"]) == ("rejected", "checksum_mismatch")
    assert asyncio.run(places.objects(f"u/{found['asset_id']}/")) == {}
    good = tus.ended(client, tus.upload(client, body, declared))
    assert (good["state"], good["sha256"]) == ("stored", digest)
    ((key, _),) = asyncio.run(places.objects(f"u/{good['asset_id']}/")).items()
    assert hashlib.sha256(asyncio.run(places.content(key))).hexdigest() == digest
