import asyncio
import hashlib

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway

pytestmark = pytest.mark.integration


def test_options_needs_no_login_and_tells_the_truth(gateway: RealGateway) -> None:
    answer = httpx.options(f"{gateway.url}/files/")
    assert answer.status_code == 200
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(4 * 1024 * MIB)
    assert answer.headers["tus-extension"].split(",") == [
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "expiration",
        "checksum",
        "concatenation",
    ]
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256,crc32c"


@pytest.mark.parametrize("version", [None, "0.2.2", "2.0.0"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
def test_another_version_is_refused_with_the_one_we_speak(
    gateway: RealGateway, method: str, version: str | None
) -> None:
    headers = {"Tus-Resumable": version} if version else {}
    answer = httpx.request(method, f"{gateway.url}/files/", headers=headers)
    assert answer.status_code == 412
    assert answer.headers["tus-version"] == "1.0.0"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_location_is_absolute_on_the_origin_the_client_uses(
    client: httpx.Client, scheme: str
) -> None:
    seen = {"Host": "media.example.org:8443", "X-Forwarded-Proto": scheme}
    answer = client.post(
        "/files/", headers={"Upload-Length": "7", "Upload-Metadata": tus.AUDIO, **seen}
    )
    assert answer.headers["location"].startswith(f"{scheme}://media.example.org:8443/files/")
    assert answer.headers["upload-offset"] == "0"
    assert answer.headers["upload-expires"].endswith(" GMT")


@pytest.mark.parametrize("token", ["", "garbage"])
def test_without_a_good_bearer_nothing_is_created(gateway: RealGateway, token: str) -> None:
    with gateway.client(token) as nobody:
        answer = nobody.post("/files/", headers={"Upload-Length": "1"})
    assert answer.status_code == 401
    assert answer.headers["tus-resumable"] == "1.0.0"


def test_a_user_may_not_upload_audio_but_may_upload_images(gateway: RealGateway) -> None:
    with gateway.client(gateway.places.token("fan@example.org", "user")) as fan:
        refused = fan.post("/files/", headers={"Upload-Length": "9", "Upload-Metadata": tus.AUDIO})
        assert (refused.status_code, refused.json()["code"]) == (403, "kind_forbidden")
        tus.create(fan, 9, tus.metadata(filename="cat.jpg", filetype="image/jpeg"))


@pytest.mark.req("UPL-06")
def test_too_large_a_file_is_refused_before_its_bytes_are_read(gateway: RealGateway) -> None:
    """The head alone is sent: an answer proves that nobody waited for the body."""
    with gateway.client() as client:
        answer = client.post(
            "/files/", headers={"Upload-Length": str(5 * 1024 * MIB), "Upload-Metadata": tus.AUDIO}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "over_limit")
        avatar = tus.metadata(kind="avatar", filetype="image/png")
        answer = client.post(
            "/files/", headers={"Upload-Length": str(11 * MIB), "Upload-Metadata": avatar}
        )
        assert answer.status_code == 413
        path = tus.create(client, 10)
        raw = tus.RawPatch(gateway, path, 0, 11)
        assert "413" in raw.answer().splitlines()[0]
        raw.cut()
        assert tus.offset(client, path) == 0


def test_a_declared_type_outside_the_allowlist_is_refused_at_once(client: httpx.Client) -> None:
    meta = tus.metadata(filename="a.txt", filetype="text/plain")
    answer = client.post("/files/", headers={"Upload-Length": "5", "Upload-Metadata": meta})
    assert (answer.status_code, answer.json()["code"]) == (415, "type_not_allowed")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "1.5"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": "1", "Upload-Metadata": "filename ***"},
        {"Upload-Length": "1", "Upload-Metadata": "a YQ==,a YQ=="},
    ],
)
def test_a_creation_that_makes_no_sense_is_400(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    assert client.post("/files/", headers=headers).status_code == 400


def test_a_wrong_offset_is_409_with_the_true_one_and_stores_nothing(
    client: httpx.Client, places: Places
) -> None:
    body = tus.flac(6 * MIB)
    path = tus.create(client, len(body))
    assert tus.patch(client, path, 0, body[:100]).headers["upload-offset"] == "100"
    before = asyncio.run(places.objects(f"staging/{tus.id_of(path)}"))
    for wrong in (0, 99, 101, len(body)):
        answer = tus.patch(client, path, wrong, b"x")
        assert (answer.status_code, answer.headers["upload-offset"]) == (409, "100")
    assert asyncio.run(places.objects(f"staging/{tus.id_of(path)}")) == before
    tus.send_the_rest(client, path, body)
    assert tus.ended(client, path)["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_patch_of_another_content_type_is_415(client: httpx.Client) -> None:
    path = tus.create(client, 10)
    answer = client.patch(path, headers={"Upload-Offset": "0"}, content=b"0123456789")
    assert answer.status_code == 415
    assert tus.offset(client, path) == 0


def test_bytes_behind_the_length_never_count(client: httpx.Client) -> None:
    body = tus.flac(1000)
    path = tus.create(client, len(body))
    assert tus.patch(client, path, 0, body + b"more").status_code == 413
    assert tus.offset(client, path) == 0

    def chunks() -> object:
        yield body
        yield b"and more"

    assert tus.patch(client, path, 0, chunks()).status_code == 413
    assert tus.offset(client, path) == len(body)
    assert tus.ended(client, path)["sha256"] == hashlib.sha256(body).hexdigest()


def test_head_works_with_the_address_alone_and_changes_need_the_owner(
    gateway: RealGateway, client: httpx.Client
) -> None:
    path = tus.create(client, 10, tus.metadata(filename="Сет.flac", filetype="audio/flac"))
    with gateway.client("") as anybody:
        answer = anybody.head(path)
        assert answer.status_code == 200
        assert answer.headers["upload-length"] == "10"
        assert answer.headers["cache-control"] == "no-store"
        assert "filename" in answer.headers["upload-metadata"]
        assert tus.patch(anybody, path, 0, b"x").status_code == 401
        assert anybody.delete(path).status_code == 401
    with gateway.client(gateway.places.token("other@example.org")) as other:
        assert tus.patch(other, path, 0, b"x").status_code == 404
        assert other.delete(path).status_code == 404
        assert other.get(f"/api/v1/uploads/{tus.id_of(path)}").status_code == 404


def test_who_is_no_admin_any_more_adds_nothing_to_audio_and_may_end_it(
    gateway: RealGateway, client: httpx.Client
) -> None:
    path = tus.create(client, 10)
    assert tus.patch(client, path, 0, b"fLaC").status_code == 204
    with gateway.client(gateway.places.token(role="user")) as demoted:
        refused = tus.patch(demoted, path, 4, b"123456")
        assert (refused.status_code, refused.json()["code"]) == (403, "kind_forbidden")
        assert tus.offset(demoted, path) == 4
        assert demoted.delete(path).status_code == 204


@pytest.mark.parametrize("path", ["/files/nonsense", "/files/6ad14d6b-6cf9-4a85-8b70-9b81d9ad1d20"])
def test_an_unknown_upload_is_404_without_an_offset(client: httpx.Client, path: str) -> None:
    for answer in (client.head(path), tus.patch(client, path, 0, b"x"), client.delete(path)):
        assert answer.status_code == 404
        assert "upload-offset" not in answer.headers


def test_creation_may_bring_the_bytes(client: httpx.Client) -> None:
    body = tus.flac(50_000)
    headers = {"Upload-Length": str(len(body)), "Upload-Metadata": tus.AUDIO, **tus.BODY}
    answer = client.post("/files/", headers=headers, content=body)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, str(len(body)))
    path = httpx.URL(answer.headers["location"]).path
    assert tus.ended(client, path)["sha256"] == hashlib.sha256(body).hexdigest()
    wrong = client.post("/files/", headers={"Upload-Length": "1"}, content=b"x")
    assert wrong.status_code == 415


def test_a_header_of_14_kb_passes_and_one_of_40_does_not(client: httpx.Client) -> None:
    tus.create(client, 1, tus.metadata(filename="a.flac", note="n" * 10_000))
    large = {"Upload-Length": "1", "Upload-Metadata": tus.metadata(note="n" * 30_000)}
    assert client.post("/files/", headers=large).status_code in {400, 431}


def test_a_text_named_mp3_is_rejected_and_its_bytes_are_given_to_the_janitor(
    client: httpx.Client, places: Places
) -> None:
    meta = tus.metadata(filename="song.mp3", filetype="audio/mpeg")
    path = tus.upload(client, b"this is no music\n" * 1000, meta)
    found = tus.ended(client, path)
    assert (found["state"], found["reason"]) == ("rejected", "unrecognized_content")
    assert found["receipt"] is None
    (fact,) = asyncio.run(
        places.rows(
            "SELECT convert_from(payload, 'UTF8')::json AS said FROM outbox"
            " WHERE key = $1 AND type = 'reprise.upload.rejected.v1'",
            found["asset_id"],
        )
    )
    assert f'"u/{found["asset_id"]}/original-' in fact["said"]


def test_an_empty_file_is_rejected(client: httpx.Client) -> None:
    found = tus.ended(client, tus.create(client, 0))
    assert (found["state"], found["reason"]) == ("rejected", "empty")


def test_a_stored_upload_is_described_with_its_receipt(
    client: httpx.Client, places: Places
) -> None:
    body = tus.flac(11 * MIB)
    path = tus.upload(client, body)
    found = tus.ended(client, path)
    assert found["state"] == "stored"
    assert found["size"] == found["offset"] == found["length"] == len(body)
    assert found["content_type"] == "audio/flac"
    assert found["receipt"].startswith("r1.")
    ((key, size),) = asyncio.run(places.objects(f"u/{found['asset_id']}/")).items()
    assert size == len(body)
    assert asyncio.run(places.content(key)) == body
    assert asyncio.run(places.objects(f"staging/{found['upload_id']}")) == {}


@pytest.mark.req("UPL-13")
def test_the_status_of_an_upload_is_for_its_owner(gateway: RealGateway) -> None:
    with gateway.client() as client:
        path = tus.create(client, 1000)
        tus.patch(client, path, 0, tus.flac(400))
        found = tus.status(client, path)
        assert (found["state"], found["offset"], found["length"]) == ("receiving", 400, 1000)
        assert found["reason"] is None
        meta = tus.metadata(filename="song.mp3", filetype="audio/mpeg")
        bad = tus.ended(client, tus.upload(client, b"no music " * 50, meta))
        assert (bad["state"], bad["reason"]) == ("rejected", "unrecognized_content")
    with gateway.client(gateway.places.token("stranger@example.org")) as stranger:
        assert stranger.get(f"/api/v1/uploads/{tus.id_of(path)}").status_code == 404


def test_the_list_goes_page_by_page_from_the_newest(gateway: RealGateway) -> None:
    with gateway.client(gateway.places.token("lister@example.org")) as lister:
        made = [str(tus.id_of(tus.create(lister, 5))) for _ in range(5)]
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = lister.get("/api/v1/uploads", params=query).json()
            seen += [item["upload_id"] for item in page["items"]]
            cursor = page["next"]
        assert seen == made[::-1]
        assert lister.get("/api/v1/uploads", params={"cursor": "x"}).status_code == 400
