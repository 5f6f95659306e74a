"""Types and kinds as the gateway enforces them, by tus and by form, and what it then announces."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from gateway_support import forms, tus
from gateway_support.corpus import Sample, make_files, samples
from gateway_support.forms import png
from gateway_support.places import Places, make_places
from gateway_support.real_gateway import RealGateway, running

from devstack.stack import Stack
from upload_gateway.domain.formats import declared_as

pytestmark = pytest.mark.integration

DISAGREEING = [
    sample
    for sample in samples()
    if sample.id
    in {
        "html as a.jpg, image/jpeg, image",
        "gif as a.mp4, video/mp4, video",
        "jpeg as a.jpg, image/png, image",
        "flac as a.exe, audio/flac, audio",
        "svg as a.png, image/png, image",
        "pdf-jpeg as a.jpg, image/jpeg, image",
    }
]
KEPT = [
    sample
    for sample in samples()
    if sample.id
    in {
        "opus as a.ogg, audio/ogg, audio",
        "jpeg as a.jfif, image/pjpeg, image",
        "webm as a.webm, video/webm, video",
        "gif-zip as a.gif, image/gif, image",
    }
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return make_files(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def generic(
    infra: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RealGateway, httpx.Client]]:
    """With a ledger of its own, or a gateway of the other profile would verify for it."""
    places = make_places(infra.env)
    log = tmp_path_factory.mktemp("generic") / "log"
    with (
        running(places, log, REPRISE_UPLOAD_ACCEPT_ANY="true") as gateway,
        gateway.client() as client,
    ):
        yield gateway, client


def by_tus(
    client: httpx.Client, name: str, body: bytes, declared: str, kind: str
) -> httpx.Response:
    meta = tus.metadata(filename=name, filetype=declared, kind=kind)
    headers = {"Upload-Length": str(len(body)), "Upload-Metadata": meta}
    return client.post("/files/", headers=headers | tus.BODY, content=body)


def by_form(
    client: httpx.Client, name: str, body: bytes, declared: str, kind: str
) -> httpx.Response:
    return forms.send(client, forms.field("kind", kind), forms.file(name, body, declared))


def sent_by_tus(client: httpx.Client, sample: Sample, body: bytes) -> dict[str, Any]:
    made = by_tus(client, sample.name, body, sample.declared, sample.kind)
    assert made.status_code == 201, made.text
    return tus.ended(client, httpx.URL(made.headers["location"]).path)


def sent_by_form(client: httpx.Client, sample: Sample, body: bytes) -> dict[str, Any]:
    answer = by_form(client, sample.name, body, sample.declared, sample.kind)
    [file] = answer.json()["files"]
    if file["problem"]:
        assert file["problem"]["status"] == 415
    return tus.ended(client, f"/files/{file['upload_id']}")


def announced(places: Places, asset_id: str) -> list[tuple[str, str | None]]:
    """Facts of an asset, each with the reason it gives."""
    query = (
        "SELECT type, convert_from(payload, 'UTF8')::json ->> 'reason' AS reason FROM outbox"
        " WHERE key = $1 ORDER BY position"
    )
    found = asyncio.run(places.rows(query, asset_id))
    return [(row["type"].split(".")[2], row["reason"]) for row in found]


@pytest.mark.req("SEC-02")
@pytest.mark.parametrize("send", [by_tus, by_form], ids=["tus", "form"])
@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        ("audio", "video/mp4"),
        ("audio", "text/plain"),
        ("image", "image/svg+xml"),
        ("image", "audio/flac"),
        ("video", "video/x-matroska"),
        ("avatar", "image/gif"),
        ("document", "application/pdf"),
    ],
)
def test_a_type_outside_the_list_of_its_kind_is_refused_before_it_begins(
    client: httpx.Client, send: Any, kind: str, declared: str
) -> None:
    answer = send(client, "a", b"anything", declared, kind)
    said = answer.json()["files"][0]["problem"] if send is by_form else answer.json()
    assert (said["status"], said["code"]) == (415, "type_not_allowed")


@pytest.mark.req("SEC-03")
@pytest.mark.parametrize("send", [sent_by_tus, sent_by_form], ids=["tus", "form"])
@pytest.mark.parametrize("sample", DISAGREEING, ids=lambda sample: sample.id)
def test_what_name_type_and_bytes_do_not_agree_on_is_rejected_and_announced(
    client: httpx.Client, places: Places, files: dict[str, bytes], send: Any, sample: Sample
) -> None:
    status = send(client, sample, files[sample.made_of])
    assert (status["state"], status["reason"]) == ("rejected", sample.verdict)
    facts = announced(places, status["asset_id"])
    assert facts[0] == ("started", None)
    assert facts[-1] == ("rejected", sample.verdict)
    assert "completed" not in {name for name, _ in facts}


@pytest.mark.parametrize("send", [sent_by_tus, sent_by_form], ids=["tus", "form"])
@pytest.mark.parametrize("sample", KEPT, ids=lambda sample: sample.id)
def test_what_is_kept_has_the_type_of_its_bytes(
    client: httpx.Client, files: dict[str, bytes], send: Any, sample: Sample
) -> None:
    # a tail makes the bytes unlike those of the other way in
    status = send(client, sample, files[sample.made_of] + send.__name__.encode())
    assert (status["state"], status["content_type"]) == ("stored", sample.verdict)


@pytest.mark.req("UPL-19")
def test_invalid_items_of_a_form_are_refused_before_any_byte_of_them_is_stored(
    client: httpx.Client, places: Places, files: dict[str, bytes]
) -> None:
    answer = forms.send(
        client,
        forms.file("page.html", files["html"], "text/html"),
        forms.file("page.jpg", files["html"] * 10_000, "image/jpeg"),
        forms.file("moving.png", files["gif"], "image/png"),
        forms.file("empty.png", b""),
    )
    assert answer.json()["accepted"] == 0
    for file in answer.json()["files"]:
        if file["upload_id"] is None:
            continue
        query = 'SELECT key, multipart_id, "offset" FROM upload WHERE id = $1'
        [row] = asyncio.run(places.rows(query, file["upload_id"]))
        assert (row["multipart_id"], row["offset"]) == (None, 0)
        assert asyncio.run(places.objects(row["key"])) == {}
        assert asyncio.run(places.objects(f"staging/{file['upload_id']}/")) == {}


@pytest.mark.parametrize(
    ("name", "declared", "made_of", "content_type"),
    [
        ("notes.txt", "text/plain", "text", "application/octet-stream"),
        ("page.html", "text/html", "html", "application/octet-stream"),
        ("page.jpg", "image/jpeg", "html", "application/octet-stream"),
        ("drawing.svg", "image/svg+xml", "svg", "application/octet-stream"),
        ("photo.exe", "application/x-thing", "jpeg", "image/jpeg"),
        ("photo.png", "image/png", "jpeg", "image/jpeg"),
    ],
)
@pytest.mark.parametrize("send", [sent_by_tus, sent_by_form], ids=["tus", "form"])
def test_a_store_for_everything_keeps_all_and_vouches_for_no_type_but_that_of_the_bytes(
    generic: tuple[RealGateway, httpx.Client],
    files: dict[str, bytes],
    send: Any,
    name: str,
    declared: str,
    made_of: str,
    content_type: str,
) -> None:
    gateway, client = generic
    body = files[made_of] + f"{send.__name__} {name}".encode()
    status = send(client, Sample(made_of, name, declared, "image", ""), body)
    assert (status["state"], status["content_type"]) == ("stored", content_type)
    query = "SELECT payload FROM outbox WHERE key = $1"
    said = asyncio.run(gateway.places.rows(query, status["asset_id"]))
    # what nobody vouches for is not repeated to anybody
    assert declared_as(declared) or all(declared.encode() not in row["payload"] for row in said)


def test_a_store_for_everything_takes_what_has_no_metadata_at_all(
    generic: tuple[RealGateway, httpx.Client],
) -> None:
    _, client = generic
    made = client.post("/files/", headers={"Upload-Length": "5"} | tus.BODY, content=b"hello")
    status = tus.ended(client, httpx.URL(made.headers["location"]).path)
    assert (status["state"], status["content_type"]) == ("stored", "application/octet-stream")


@pytest.mark.parametrize("way", ["tus", "tus, its length said at the end", "form"])
def test_a_store_for_everything_takes_no_file_without_a_byte(
    generic: tuple[RealGateway, httpx.Client], way: str
) -> None:
    gateway, client = generic
    name = f"nothing by {way.replace(',', '')}.txt"
    meta = tus.metadata(filename=name, filetype="text/plain", kind="image")
    if way == "form":
        assert forms.codes(by_form(client, name, b"", "text/plain", "image")) == ["empty"]
        query = "SELECT FROM upload WHERE file_name = $1"
        assert asyncio.run(gateway.places.rows(query, name)) == []
        return
    if way == "tus":
        path = tus.create(client, 0, meta)
    else:
        headers = {"Upload-Defer-Length": "1", "Upload-Metadata": meta}
        path = httpx.URL(client.post("/files/", headers=headers).headers["location"]).path
        said = tus.BODY | {"Upload-Offset": "0", "Upload-Length": "0"}
        assert client.patch(path, headers=said).status_code == 204
    ended = tus.ended(client, path)
    assert (ended["state"], ended["reason"]) == ("rejected", "empty")
    assert announced(gateway.places, ended["asset_id"])[-1] == ("rejected", "empty")
    assert asyncio.run(gateway.places.objects(f"u/{ended['asset_id']}/")) == {}
    assert asyncio.run(gateway.places.multiparts(f"u/{ended['asset_id']}/")) == []


def test_a_store_for_everything_keeps_kinds_roles_and_sizes(
    generic: tuple[RealGateway, httpx.Client],
) -> None:
    gateway, client = generic
    unknown = by_tus(client, "a", b"a", "text/plain", "document")
    assert (unknown.status_code, unknown.json()["code"]) == (415, "type_not_allowed")
    large = by_form(client, "me.png", png("large", 11 << 20), "image/png", "avatar")
    assert forms.codes(large) == ["over_limit"]
    with gateway.client(gateway.places.token("fan@example.org", "user")) as fan:
        forbidden = by_tus(fan, "a.txt", b"a", "text/plain", "audio")
        assert (forbidden.status_code, forbidden.json()["code"]) == (403, "kind_forbidden")
