"""The multi-file form: every file has its own result, and nothing is left of what failed."""

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from gateway_support import forms, tus
from gateway_support.forms import png
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually

pytestmark = pytest.mark.integration


def ended(client: httpx.Client, file: dict[str, Any]) -> dict[str, Any]:
    return tus.ended(client, f"/files/{file['upload_id']}")


def rows(places: Places, name: str) -> list[dict[str, Any]]:
    query = "SELECT id, key, state, cleared FROM upload WHERE file_name = $1 ORDER BY created_at"
    return asyncio.run(places.rows(query, name))


def left_in_store(places: Places, key: str, upload_id: object) -> list[str]:
    found = [*asyncio.run(places.objects(key)), *asyncio.run(places.multiparts(key))]
    return [*found, *asyncio.run(places.objects(f"staging/{upload_id}/"))]


def test_files_are_stored_byte_by_byte_whatever_their_size(
    client: httpx.Client, places: Places
) -> None:
    bodies = [png("one", 100), png("two", 5 * MIB), png("three", 11 * MIB + 7), png("4", 10 * MIB)]
    answer = forms.send(client, *(forms.file(f"{len(b)}.png", b) for b in bodies))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["accepted"], answer.json()["refused"]) == (4, 0)
    assert len({file["upload_id"] for file in answer.json()["files"]}) == 4
    for file, body in zip(answer.json()["files"], bodies, strict=True):
        assert file["file_name"] == f"{len(body)}.png"
        status = ended(client, file)
        assert (status["state"], status["size"]) == ("stored", len(body))
        assert status["sha256"] == file["sha256"] == hashlib.sha256(body).hexdigest()
        key = asyncio.run(places.rows("SELECT key FROM upload WHERE id = $1", status["upload_id"]))
        assert asyncio.run(places.content(key[0]["key"])) == body


def test_httpx_is_understood_as_it_is(client: httpx.Client) -> None:
    files = [("images", (f"{n}.png", png(f"httpx{n}"), "image/png")) for n in range(3)]
    answer = client.post(forms.PATH, data={"kind": "avatar", "caption": "a\nb"}, files=files)
    assert forms.codes(answer) == [None, None, None]
    assert {ended(client, file)["kind"] for file in answer.json()["files"]} == {"avatar"}


def test_a_bad_file_fails_alone_and_all_others_are_taken(client: httpx.Client) -> None:
    good = png("among bad ones")
    answer = forms.send(
        client,
        forms.file("good.png", good),
        forms.file("page.html", b"<html>" * 99, "text/html"),
        forms.file("page.jpg", b"<!DOCTYPE html>" * 99, "image/jpeg"),
        forms.file("moving.png", b"GIF89a" + bytes(99)),
        forms.file("empty.png", b""),
        forms.field("kind", "avatar"),
        forms.file("huge.png", png("huge", 10 * MIB + 1)),
        forms.field("kind", "image"),
        forms.field("sha256", "0" * 64),
        forms.file("other.png", png("other bytes")),
        forms.field("sha256", "no digest"),
        forms.file("odd.png", png("odd")),
        forms.file("again.png", good),
        forms.file("last.png", png("last")),
    )
    assert answer.status_code == 200, answer.text
    assert forms.codes(answer) == [
        None, "type_not_allowed", "unrecognized_content", "extension_mismatch", "empty",
        "over_limit", "checksum_mismatch", "invalid_metadata", None, None,
    ]  # fmt: skip
    files = answer.json()["files"]
    assert [file["problem"]["status"] for file in files[1:8]] == [
        415, 415, 415, 422, 413, 422, 400,
    ]  # fmt: skip
    assert [file["state"] for file in files] == [
        "verifying", None, "rejected", "rejected", None,
        "aborted", "rejected", None, "verifying", "verifying",
    ]  # fmt: skip
    assert files[8]["same_as"] == files[0]["upload_id"]
    assert [file["same_as"] for file in (*files[:8], files[9])] == [None] * 9
    for index in (0, 8, 9):
        assert ended(client, files[index])["state"] == "stored"


@pytest.mark.req("UPL-06")
def test_what_failed_leaves_nothing_in_the_store(client: httpx.Client, places: Places) -> None:
    forms.send(
        client,
        forms.field("kind", "avatar"),
        forms.file("too-large.png", png("too large", 10 * MIB + 1)),
        forms.field("sha256", "1" * 64),
        forms.file("not-this.png", png("not this")),
    )
    for name in ("too-large.png", "not-this.png"):
        [row] = rows(places, name)
        eventually(lambda row=row: left_in_store(places, row["key"], row["id"]) == [])  # type: ignore[misc]


def test_a_form_without_a_choice_brings_no_file_and_says_so(client: httpx.Client) -> None:
    empty = forms.file("", b"", "application/octet-stream")
    answer = forms.send(client, empty)
    assert (answer.status_code, answer.json()["code"]) == (400, "no_files")
    answer = forms.send(client, empty, forms.file("a.png", png("beside an empty choice")))
    assert forms.codes(answer) == [None]


@pytest.mark.parametrize(
    ("pieces", "code", "taken"),
    [
        ((b"no form at all",), "malformed_form", []),
        ((forms.file("a.png", png("before rubbish")), b"--rubbish\r\n"), "form_incomplete", []),
        (
            (forms.file("a.png", png("before a cut")), forms.head("b.png") + png("cut soon")),
            "form_incomplete",
            [None],
        ),
        (
            (forms.file("a.png", png("before")), forms.head("b.png") + png("cut late", 6 * MIB)),
            "form_incomplete",
            [None, "form_incomplete"],
        ),
        ((forms.field("x" * 100, "y"),), "field_too_large", []),
        ((forms.field("x", "y" * 2000),), "field_too_large", []),
        ((forms.field("x", "y") * 17,), "too_many_fields", []),
        ((forms.head("a" * 5000 + ".png"),), "malformed_form", []),
        (
            (b"--" + forms.BOUNDARY.encode() + b"\r\nContent-Type: a/b\r\n\r\n",),
            "malformed_form",
            [],
        ),
        (
            (forms.file("a.png", png("before a digest")), forms.field("sha256", "0" * 64)),
            "field_without_file",
            [None],
        ),
    ],
)
def test_a_malformed_form_is_told_with_what_was_taken_before(
    client: httpx.Client, pieces: tuple[bytes, ...], code: str, taken: list[str | None]
) -> None:
    end = forms.END if code in {"field_without_file", "no_files"} else b""
    answer = forms.send(client, *pieces, end=end)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert forms.codes(answer) == taken


def test_only_an_admin_may_send_a_form(gateway: RealGateway, places: Places) -> None:
    body = forms.file("a.png", png("of nobody")) + forms.END
    with gateway.client(places.token("fan@example.org", "user")) as fan:
        assert fan.post(forms.PATH, headers=forms.TYPE, content=body).status_code == 403
    with gateway.client("") as nobody:
        assert nobody.post(forms.PATH, headers=forms.TYPE, content=body).status_code == 401


@pytest.mark.parametrize(
    ("headers", "first"),
    [
        ({}, "HTTP/1.1 100"),
        ({"Content-Type": "application/json"}, "HTTP/1.1 415"),
        ({"Content-Type": "multipart/form-data"}, "HTTP/1.1 400"),
        ({"Transfer-Encoding": "", "Content-Length": str(500 << 30)}, "HTTP/1.1 413"),
        ({"Authorization": "Bearer nothing"}, "HTTP/1.1 401"),
    ],
)
def test_a_client_that_asks_first_is_answered_before_its_body(
    gateway: RealGateway, headers: dict[str, str], first: str
) -> None:
    with forms.RawForm(gateway, **{"Expect": "100-continue", **headers}) as form:
        assert form.answer().startswith(first)


def test_a_cut_connection_leaves_what_is_finished_and_ends_the_running_file_at_once(
    gateway: RealGateway, places: Places
) -> None:
    with forms.RawForm(gateway) as form:
        form.send(forms.file("finished.png", png("finished")))
        form.send(forms.head("cut.png") + png("cut", 6 * MIB))
        eventually(lambda: [row["state"] for row in rows(places, "cut.png")] == ["receiving"])
    eventually(lambda: [row["state"] for row in rows(places, "cut.png")] == ["aborted"])
    eventually(lambda: [row["state"] for row in rows(places, "finished.png")] == ["stored"])
    [row] = rows(places, "cut.png")
    eventually(lambda: left_in_store(places, row["key"], row["id"]) == [])
