"""Many files in one form through the edge, by curl and httpx as they are."""

import hashlib
import json
import random
import socket
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.e2e.client import ENDED, Reprise, eventually

from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]

PATH = "/api/v1/admin/images/upload"
_dice = random.Random()


def image(size: int = 2000) -> bytes:
    """The head of a PNG and noise: no two alike, and nothing is made of them."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + _dice.randbytes(size)


def page() -> bytes:
    return b"<!DOCTYPE html><script>" + _dice.randbytes(50).hex().encode()


def by_httpx(admin: Reprise, *files: tuple[str, bytes]) -> dict[str, Any]:
    parts = [("images", (name, body, "image/png")) for name, body in files]
    answer = admin.http.post(PATH, files=parts, timeout=120)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def by_curl(admin: Reprise, *fields: str) -> dict[str, Any]:
    command = ["curl", "-sS", "--max-time", "60", "-H", f"Authorization: {bearer(admin)}"]
    for field in fields:
        command += ["-F", field]
    done = subprocess.run(
        [*command, f"{admin.origin}{PATH}"], capture_output=True, check=True, timeout=90
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def bearer(admin: Reprise) -> str:
    return admin.headers["Authorization"]


def ends(admin: Reprise, said: dict[str, Any], duplicates: int) -> list[str | None]:
    """How each file's upload ended, in order, once the catalog has spoken; None for none."""
    ids = [file["upload_id"] for file in said["files"]]

    def look() -> Counter[str | None]:
        return Counter(state for upload_id, state in listed().items() if upload_id in ids)

    def listed() -> dict[str, str]:
        items = admin.http.get("/api/v1/uploads", params={"limit": 100}).json()["items"]
        return {item["upload_id"]: item["state"] for item in items}

    eventually(
        look,
        lambda states: set(states) <= ENDED and states["duplicate"] == duplicates,
        within=90,
        saying="every file should end, and the catalog know its duplicates",
    )
    states = listed()
    return [states.get(upload_id) for upload_id in ids]


@pytest.mark.req("UPL-17")
def test_twenty_files_of_mixed_fate_have_each_an_id_and_a_result(
    admin: Reprise, tmp_path: Path
) -> None:
    fields, sums = [], []
    for number in range(20):
        body = image()
        if number == 7:
            body = page()
        elif number == 11:
            body = (tmp_path / "2.png").read_bytes()
        (tmp_path / f"{number}.png").write_bytes(body)
        sums.append(hashlib.sha256(body).hexdigest())
        kind = "image/svg+xml" if number == 13 else "image/png"
        if number in {3, 4}:
            fields.append(f"sha256={sums[3]}")  # right of one, wrong of the next
        fields.append(f'file=@{tmp_path}/{number}.png;type={kind};filename=Снимок "{number}".png')
    said = by_curl(admin, *fields)
    files = said["files"]
    assert [file["file_name"] for file in files] == [f'Снимок "{n}".png' for n in range(20)]
    told = {file["index"]: file["problem"]["code"] for file in files if file["problem"]}
    assert told == {
        4: "checksum_mismatch",
        7: "unrecognized_content",
        13: "type_not_allowed",
    }
    ids = [file["upload_id"] for file in files]
    assert len(set(ids) - {None}) == 19
    assert ids[13] is None  # it was refused before there was an upload
    assert (said["accepted"], said["refused"]) == (17, 3)
    assert files[11]["same_as"] == ids[2]
    states = ends(admin, said, duplicates=1)
    assert Counter(states) == {"stored": 16, "duplicate": 1, "rejected": 2, None: 1}
    status = admin.upload_status(ids[5])
    assert (status["sha256"], status["size"]) == (sums[5], 2016)


@pytest.mark.req("UPL-18")
def test_of_a_hundred_files_with_a_duplicate_and_an_invalid_one_98_are_stored(
    admin: Reprise,
) -> None:
    bodies = [image(500) for _ in range(98)]
    files = [(f"{n}.png", body) for n, body in enumerate(bodies)]
    files.insert(40, ("again.png", bodies[20]))
    files.insert(70, ("page.png", page()))
    said = by_httpx(admin, *files)
    assert (said["accepted"], said["refused"]) == (99, 1)
    assert said["files"][70]["problem"]["code"] == "unrecognized_content"
    assert said["files"][40]["same_as"] == said["files"][20]["upload_id"]
    assert sum(file["same_as"] is not None for file in said["files"]) == 1
    states = ends(admin, said, duplicates=1)
    assert Counter(states) == {"stored": 98, "duplicate": 1, "rejected": 1}
    # the catalog keeps whichever of the two it heard of first
    pair = [admin.upload_status(said["files"][n]["upload_id"]) for n in (20, 40)]
    [lost] = [status for status in pair if status["state"] == "duplicate"]
    [kept] = [status for status in pair if status["state"] == "stored"]
    assert lost["duplicate_of"] == kept["asset_id"]
    refused = admin.upload_status(said["files"][70]["upload_id"])
    assert (refused["state"], refused["reason"]) == ("rejected", "unrecognized_content")


def test_the_edge_passes_a_form_on_as_it_arrives(admin: Reprise, stack: Stack) -> None:
    url = urlsplit(stack.env["REPRISE_URL"])
    name, head = (
        f"{_dice.getrandbits(64):x}.png",
        "Content-Disposition: form-data; name=f; filename",
    )
    lines = [
        f"POST {PATH} HTTP/1.1",
        f"Host: {url.netloc}",
        f"Authorization: {bearer(admin)}",
        "Content-Type: multipart/form-data; boundary=B",
        "Transfer-Encoding: chunked",
        "Connection: close",
    ]

    def chunk(data: bytes) -> bytes:
        return f"{len(data):x}\r\n".encode() + data + b"\r\n"

    def stored() -> bool:
        items = admin.http.get("/api/v1/uploads", params={"limit": 5}).json()["items"]
        return any(item["file_name"] == name and item["state"] == "stored" for item in items)

    with socket.create_connection((url.hostname or "", url.port or 80), timeout=30) as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        first = f"--B\r\n{head}={name}\r\n\r\n".encode() + image()
        wire.sendall(chunk(first + f"\r\n--B\r\n{head}=b.png\r\n\r\n".encode()))
        eventually(stored, bool, within=20, saying="the first file should be stored meanwhile")
        wire.sendall(chunk(image() + b"\r\n--B--\r\n") + b"0\r\n\r\n")
        received = b""
        while piece := wire.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200")
    assert b'"accepted":2' in received
