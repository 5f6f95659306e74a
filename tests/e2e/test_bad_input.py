"""Bad input gets a clear problem with a stable code, and nothing is stored or changed."""

import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from tests.e2e.client import Reprise, eventually, fetch, patch_headers, tus_headers
from tests.e2e.store import list_keys

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

AUDIO = {"filename": "set.mp3", "filetype": "audio/mpeg", "kind": "audio"}


def problem(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    code: str = answer.json()["code"]
    return code


def test_an_unknown_tus_version_is_412_and_names_the_known_one(admin: Reprise) -> None:
    headers = tus_headers(10, **AUDIO) | {"Tus-Resumable": "0.2.2"}
    answer = admin.http.post("/files/", headers=headers)
    assert answer.status_code == 412
    assert answer.headers["tus-version"] == "1.0.0"


def test_a_wrong_offset_is_409_with_the_true_one_and_stores_nothing(admin: Reprise) -> None:
    location = admin.create(100, **AUDIO).headers["location"]
    answer = admin.http.patch(location, headers=patch_headers(7), content=b"x" * 10)
    assert answer.status_code == 409
    assert answer.headers["upload-offset"] == "0"
    head = admin.http.head(location, headers={"Tus-Resumable": "1.0.0"})
    assert head.headers["upload-offset"] == "0"


def test_over_the_size_limit_is_413_before_any_byte(admin: Reprise) -> None:
    answer = admin.create(1 << 50, **AUDIO)
    assert answer.status_code == 413
    assert problem(answer)


def test_without_a_bearer_it_is_401_and_a_listener_may_not_upload_sets(
    anonymous: Reprise, listener: Reprise
) -> None:
    assert anonymous.create(10, **AUDIO).status_code == 401
    forbidden = listener.create(10, **AUDIO)
    assert forbidden.status_code == 403
    forged = Reprise(anonymous.origin, "eyJhbGciOiJub25lIn0.e30.")
    assert forged.create(10, **AUDIO).status_code == 401
    forged.close()


def test_a_text_named_mp3_is_rejected_with_a_reason_and_its_bytes_go(
    admin: Reprise, stack: Stack, tmp_path: Path
) -> None:
    text = tmp_path / "notes.mp3"
    text.write_text("These are notes, not music.\n" * 400)
    status = admin.ended(admin.upload(text, kind="audio", filetype="audio/mpeg"))
    assert status["state"] == "rejected"
    assert status["reason"]
    nothing_stays(stack, status["asset_id"])


def test_a_truncated_flac_fails_with_a_reason_and_keeps_its_original(
    admin: Reprise, stack: Stack, tmp_path: Path
) -> None:
    whole = media.make_flac(tmp_path / "whole.flac", seconds=12).read_bytes()
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole[: len(whole) // 2])
    status = admin.ended(admin.upload(cut, kind="audio", filetype="audio/flac"))
    asset = admin.asset_in(status["asset_id"], "failed")
    assert asset["reason"]
    keys = list_keys(stack.env, f"u/{status['asset_id']}/")
    assert any("/original-" in key for key in keys)


@pytest.mark.req("DLV-08")
def test_a_missing_or_garbled_token_is_401_restricted(admin: Reprise, tmp_path: Path) -> None:
    flac = media.make_flac(tmp_path / "locked.flac", seconds=6)
    status = admin.ended(admin.upload(flac, kind="audio", filetype="audio/flac"))
    admin.asset_in(status["asset_id"], "ready")
    url = admin.link(status["asset_id"], "original")["url"]
    path, token = url.split("?t=")
    other = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    for suffix in ("", "?t=", "?t=garbage", f"?t={token[:-6]}", f"?t={other}"):
        answer = fetch(path + suffix, origin=admin.origin)
        assert answer.status_code == 401
        assert problem(answer) == "restricted"
        assert answer.headers["cache-control"] == "no-store"


def test_two_playlists_named_mp4_read_nothing_and_call_nobody(
    admin: Reprise, stack: Stack, tmp_path: Path
) -> None:
    clip = media.make_mp4(tmp_path / "clip.mp4", seconds=1, width=320, height=180)
    canary = tmp_path / "canary.ts"
    remux = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(clip), "-c", "copy"]
    subprocess.run([*remux, "-f", "mpegts", str(canary)], check=True, timeout=30)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        for number, target in enumerate((canary.as_uri(), f"http://127.0.0.1:{port}/canary.ts")):
            playlist = tmp_path / f"playlist-{number}.mp4"
            playlist.write_text(
                f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n"
            )
            status = admin.ended(admin.upload(playlist, kind="video", filetype="video/mp4"))
            assert status["state"] == "rejected"
            nothing_stays(stack, status["asset_id"])
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_unknown_path_is_a_problem_from_the_edge(anonymous: Reprise) -> None:
    for path in ("/nowhere", "/api/v1/ops/purges", "/metrics", "/livez"):
        answer = anonymous.http.get(path)
        assert answer.status_code == 404
        assert problem(answer)


def nothing_stays(stack: Stack, asset_id: str) -> None:
    eventually(
        lambda: list_keys(stack.env, f"u/{asset_id}/"),
        lambda keys: not keys,
        within=20,
        saying="the rejected bytes should be purged",
    )
