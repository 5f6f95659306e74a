"""A store of anything: what nobody recognizes is kept byte by byte, and runs nowhere."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.client import Reprise, fetch, sha256
from tests.e2e.store import contents

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(240)]

GATEWAY = "upload-gateway"


@pytest.fixture(scope="module")
def generic(stack: Stack) -> Iterator[Stack]:
    """The whole system, its gateway set to take files of every type."""
    _restart(stack, REPRISE_UPLOAD_ACCEPT_ANY="true")
    yield stack
    _restart(stack)


@pytest.mark.parametrize(
    ("name", "declared", "content"),
    [
        ("page.html", "text/html", b"<!DOCTYPE html><script>alert(1)</script>"),
        ("notes.txt", "text/plain", b"what was played, and by whom\n"),
        ("photo.jpg", "image/jpeg", b"\x00\x01 no picture at all"),
    ],
)
def test_a_file_of_no_known_type_is_kept_whole_and_shown_to_nobody(
    generic: Stack, admin: Reprise, tmp_path: Path, name: str, declared: str, content: bytes
) -> None:
    body = content + random.Random().randbytes(5000)
    (tmp_path / name).write_bytes(body)
    ended = admin.ended(admin.upload(tmp_path / name, kind="image", filetype=declared))
    assert (ended["state"], ended["content_type"]) == ("stored", "application/octet-stream")
    asset = admin.asset_in(ended["asset_id"], "ready", "failed")
    assert (asset["state"], asset["reason"]) == ("failed", "unsupported")
    assert (asset["sha256"], asset["renditions"]) == (sha256(body), [])
    kept = contents(generic.env, f"u/{ended['asset_id']}/")
    assert list(kept.values()) == [body]
    address = f"/api/v1/user/media/{ended['asset_id']}/url"
    assert admin.http.get(address, params={"tier": "original"}).status_code == 404


def test_what_the_bytes_show_to_be_a_picture_is_one_whatever_it_is_called(
    generic: Stack, admin: Reprise, tmp_path: Path
) -> None:
    picture = media.make_jpeg(tmp_path / "photo.exe.jpg", width=640, height=400)
    program = picture.rename(tmp_path / "photo.exe")
    ended = admin.ended(admin.upload(program, kind="image", filetype="application/x-thing"))
    assert (ended["state"], ended["content_type"]) == ("stored", "image/jpeg")
    admin.finished(ended["asset_id"])
    answer = fetch(admin.link(ended["asset_id"], "original")["url"], origin=admin.origin)
    assert answer.content == program.read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"


def _restart(stack: Stack, **extra: str) -> None:
    stack.configure(GATEWAY, extra)
    stack.stop_process(GATEWAY)
    stack.start_process(GATEWAY)
