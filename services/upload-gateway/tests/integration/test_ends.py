import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places, make_places
from gateway_support.real_gateway import RealGateway, eventually, running

from devstack.stack import Stack

pytestmark = pytest.mark.integration

BODY = tus.flac(12 * MIB, "ends")


def facts(places: Places, path: str) -> list[tuple[str, dict[str, Any]]]:
    rows = asyncio.run(
        places.rows(
            "SELECT type, convert_from(payload, 'UTF8') AS said, outbox.sequence FROM outbox"
            " JOIN upload ON outbox.key = upload.asset_id::text WHERE upload.id = $1"
            " ORDER BY position",
            tus.id_of(path),
        )
    )
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    return [(row["type"], json.loads(row["said"])) for row in rows]


def test_ending_a_running_upload_frees_its_parts_and_gives_its_keys_away(
    client: httpx.Client, places: Places
) -> None:
    path = tus.create(client, len(BODY))
    tus.patch(client, path, 0, BODY[: 7 * MIB])
    (row,) = asyncio.run(places.rows("SELECT key FROM upload WHERE id = $1", tus.id_of(path)))
    assert asyncio.run(places.multiparts(row["key"])) == [row["key"]]
    staged = list(asyncio.run(places.objects(f"staging/{tus.id_of(path)}/")))
    assert client.delete(path).status_code == 204
    assert asyncio.run(places.multiparts(row["key"])) == []
    assert asyncio.run(places.objects(f"staging/{tus.id_of(path)}/")) == {}
    (_, (kind, said)) = facts(places, path)
    assert kind == "reprise.upload.aborted.v1"
    assert said["keys"] == [row["key"], *staged]
    for answer in (client.head(path), tus.patch(client, path, 0, b"x"), client.delete(path)):
        assert answer.status_code == 410
    assert tus.status(client, path)["state"] == "aborted"


def test_ending_an_upload_ends_the_request_that_writes_to_it(
    gateway: RealGateway, client: httpx.Client
) -> None:
    path = tus.create(client, len(BODY))
    raw = tus.RawPatch(gateway, path, 0, len(BODY))
    raw.send(BODY[:MIB])
    assert client.delete(path).status_code == 204
    assert raw.answer().split()[1] in {"409", "410"}
    raw.cut()


def test_ending_a_stored_upload_withdraws_it_and_keeps_the_object(
    client: httpx.Client, places: Places
) -> None:
    path = tus.upload(client, BODY)
    found = tus.ended(client, path)
    assert client.delete(path).status_code == 204
    assert tus.status(client, path)["state"] == "withdrawn"
    assert client.head(path).status_code == 410
    assert [kind for kind, _ in facts(places, path)] == [
        "reprise.upload.started.v1",
        "reprise.upload.completed.v1",
        "reprise.upload.withdrawn.v1",
    ]
    assert len(asyncio.run(places.objects(f"u/{found['asset_id']}/"))) == 1


def test_an_upload_that_nobody_continues_expires_with_all_it_left(
    places: Places, log: Path
) -> None:
    extra = {"REPRISE_UPLOAD_EXPIRY": "1", "REPRISE_UPLOAD_SWEEP_INTERVAL": "0.2"}
    with running(places, log, **extra) as gateway, gateway.client() as client:
        path = tus.create(client, len(BODY))
        tus.patch(client, path, 0, BODY[: 7 * MIB])
        eventually(lambda: tus.status(client, path)["state"] == "expired")
        assert client.head(path).status_code == 410
        (row,) = asyncio.run(places.rows("SELECT key FROM upload WHERE id = $1", tus.id_of(path)))
        eventually(lambda: asyncio.run(places.multiparts(row["key"])) == [])
        eventually(lambda: asyncio.run(places.objects(f"staging/{tus.id_of(path)}/")) == {})
        (_, (kind, said)) = facts(places, path)
        assert kind == "reprise.upload.expired.v1"
        assert row["key"] in said["keys"]


@pytest.mark.req("UPL-25")
def test_of_bytes_that_are_not_the_file_that_was_declared_nothing_is_kept(
    places: Places, log: Path
) -> None:
    declared = tus.metadata(filename="a.flac", filetype="audio/flac", sha256="0" * 64)
    with (
        running(places, log, REPRISE_UPLOAD_SWEEP_INTERVAL="0.2") as gateway,
        gateway.client() as client,
    ):
        path = tus.create(client, len(BODY), declared)
        tus.patch(client, path, 0, BODY[: 7 * MIB])
        assert tus.patch(client, path, 7 * MIB, BODY[7 * MIB :]).status_code == 422
        prefix = f"u/{tus.status(client, path)['asset_id']}/"
        eventually(lambda: asyncio.run(places.multiparts(prefix)) == [])
        eventually(lambda: asyncio.run(places.objects(f"staging/{tus.id_of(path)}/")) == {})
        assert asyncio.run(places.objects(prefix)) == {}


@pytest.mark.req("JAN-07")
def test_a_multipart_whose_id_was_never_stored_is_aborted_at_expiry(
    places: Places, log: Path
) -> None:
    point = "gateway.after_create_multipart=exit"
    with running(places, log, point) as gateway, gateway.client() as client:
        path = tus.create(client, len(BODY))
        with pytest.raises(httpx.TransportError):
            tus.patch(client, path, 0, BODY)
        gateway.died()
    (row,) = asyncio.run(
        places.rows("SELECT key, multipart_id FROM upload WHERE id = $1", tus.id_of(path))
    )
    assert row["multipart_id"] is None
    assert asyncio.run(places.multiparts(row["key"])) == [row["key"]]
    asyncio.run(places.rows("UPDATE upload SET expires_at = now() WHERE id = $1", tus.id_of(path)))
    with running(places, log, REPRISE_UPLOAD_SWEEP_INTERVAL="0.2"):
        eventually(lambda: asyncio.run(places.multiparts(row["key"])) == [])


def test_without_a_store_the_service_runs_and_says_so(places: Places, log: Path) -> None:
    nothing = dict.fromkeys(
        ("MEDIA_S3_ENDPOINT", "MEDIA_S3_ACCESS_KEY_ID", "MEDIA_S3_SECRET_ACCESS_KEY"), ""
    )
    with running(places, log, **nothing) as gateway, gateway.client() as client:
        answer = client.post(
            "/files/", headers={"Upload-Length": "5", "Upload-Metadata": tus.AUDIO}
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_not_configured")
        checks = client.get("/readyz").json()["checks"]
        assert checks["storage"] == {
            "ok": False,
            "required": False,
            "reason": "storage_not_configured",
        }


def test_a_store_that_does_not_answer_is_503_and_nothing_counts(places: Places, log: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    with (
        running(places, log, MEDIA_S3_ENDPOINT=nowhere) as gateway,
        gateway.client() as client,
    ):
        path = tus.create(client, 100)
        answer = tus.patch(client, path, 0, BODY[:100])
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert tus.offset(client, path) == 0


def test_no_capability_reaches_the_log(infra: Stack, log: Path) -> None:
    # a ledger of its own: another gateway on the same one may verify the upload and log it
    with running(make_places(infra.env), log) as gateway, gateway.client() as client:
        path = tus.upload(client, BODY)
        tus.ended(client, path)
        # what is stored is told first and logged after that
        eventually(lambda: '"media.commit.ok"' in gateway.log())
        assert gateway.terminate() == 0
        assert path not in gateway.log()


@pytest.mark.req("UPL-15")
def test_an_end_frees_parts_and_slot_and_says_how_it_ended(places: Places, log: Path) -> None:
    token = places.token("canceller@example.org")
    with (
        running(places, log, MAX_CONCURRENT_UPLOADS="1") as gateway,
        gateway.client(token) as client,
    ):
        path = tus.create(client, len(BODY))
        tus.patch(client, path, 0, BODY[: 7 * MIB])
        another = {"Upload-Length": str(len(BODY)), "Upload-Metadata": tus.AUDIO}
        assert client.post("/files/", headers=another).status_code == 429
        (row,) = asyncio.run(places.rows("SELECT key FROM upload WHERE id = $1", tus.id_of(path)))
        assert asyncio.run(places.multiparts(row["key"])) == [row["key"]]
        assert client.delete(path).status_code == 204
        assert asyncio.run(places.multiparts(row["key"])) == []
        assert tus.status(client, path)["state"] == "aborted"
        finished = tus.upload(client, BODY)
        assert tus.ended(client, finished)["state"] == "stored"
        assert client.delete(finished).status_code == 204
        assert tus.status(client, finished)["state"] == "withdrawn"
