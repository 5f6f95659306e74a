"""One story per kind of file: from a cut resumable upload to exact ranges of what was built."""

from pathlib import Path

import pytest
from tests.e2e.client import Reprise, Upload, eventually, fetch, sha256, upload_at

from devstack import media

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]


def interrupted_upload(admin: Reprise, path: Path, *, kind: str, filetype: str) -> Upload:
    """Upload half with one client object, then resume with another that only knows the URL."""
    size = path.stat().st_size
    metadata = {"filename": path.name, "filetype": filetype, "kind": kind}
    with path.open("rb") as source:
        first = admin.tus().uploader(
            file_stream=source, chunk_size=max(1, size // 7), metadata=metadata
        )
        first.upload(stop_at=size // 2)
    upload = upload_at(first.url)
    assert 0 < admin.resume(path, upload.location) < size
    return upload


def assert_ranges_equal(admin: Reprise, asset_id: str, tier: str, source: bytes) -> None:
    link = admin.link(asset_id, tier)
    size = len(source)
    assert link["size"] == size
    middle = size // 2
    for text, expected in (
        ("0-99", source[:100]),
        (f"{middle}-{middle + 4096}", source[middle : middle + 4097]),
        ("-100", source[-100:]),
        (f"0-{size + 5}", source),
    ):
        answer = fetch(link["url"], origin=admin.origin, byte_range=text)
        assert answer.status_code == 206, answer.text
        assert answer.content == expected
        assert int(answer.headers["content-length"]) == len(expected)
    whole = fetch(link["url"], origin=admin.origin)
    assert whole.status_code == 200
    assert sha256(whole.content) == sha256(source)


@pytest.mark.req("UPL-16", "TRX-03")
def test_an_interrupted_flac_becomes_seekable_tiers(admin: Reprise, tmp_path: Path) -> None:
    flac = media.make_flac(tmp_path / "set.flac", seconds=20)
    status = admin.ended(interrupted_upload(admin, flac, kind="audio", filetype="audio/flac"))
    assert status["state"] == "stored"
    assert status["sha256"] == sha256(flac.read_bytes())
    asset = admin.finished(status["asset_id"])
    assert all(item["ready_at"] > status["stored_at"] for item in asset["renditions"])
    tiers = {item["name"]: item for item in asset["renditions"] if item["state"] == "ready"}
    assert {"mp3-192", "aac-128"} <= tiers.keys()
    assert abs(tiers["mp3-192"]["duration"] - 20) < 0.2
    assert abs(tiers["mp3-192"]["bit_rate"] - 192_000) < 192_000 * 0.05
    assert_ranges_equal(admin, status["asset_id"], "original", flac.read_bytes())
    tier = admin.link(status["asset_id"], "medium")
    assert (tier["tier"], tier["content_type"]) == ("mp3-192", "audio/mpeg")


def test_a_rotated_photo_becomes_an_upright_thumbnail_without_its_place(
    admin: Reprise, tmp_path: Path
) -> None:
    photo = media.make_jpeg(tmp_path / "photo.jpg", width=1200, height=800)
    status = admin.ended(interrupted_upload(admin, photo, kind="image", filetype="image/jpeg"))
    asset = admin.finished(status["asset_id"])
    thumbnail = next(item for item in asset["renditions"] if item["name"] == "image-640")
    assert thumbnail["width"] < thumbnail["height"]  # the orientation tag turned it
    served = fetch(admin.link(status["asset_id"], "image-640")["url"], origin=admin.origin)
    assert served.headers["content-type"] == thumbnail["content_type"]
    assert b"Exif" not in served.content
    assert b"GPS" not in served.content
    assert_ranges_equal(admin, status["asset_id"], "original", photo.read_bytes())


def test_a_video_becomes_an_mp4_with_its_index_first_and_a_poster(
    admin: Reprise, tmp_path: Path
) -> None:
    clip = media.make_mp4(tmp_path / "clip.mp4", seconds=2)
    status = admin.ended(interrupted_upload(admin, clip, kind="video", filetype="video/mp4"))
    asset = admin.finished(status["asset_id"])
    ready = {item["name"] for item in asset["renditions"] if item["state"] == "ready"}
    assert {"video-1080", "poster"} <= ready
    served = fetch(admin.link(status["asset_id"], "video-1080")["url"], origin=admin.origin)
    assert served.headers["content-type"] == "video/mp4"
    assert served.content.index(b"moov") < served.content.index(b"mdat")
    poster = fetch(admin.link(status["asset_id"], "poster")["url"], origin=admin.origin)
    assert poster.content[:3] == b"\xff\xd8\xff"


def test_the_same_bytes_again_end_as_a_duplicate_of_the_first(
    admin: Reprise, tmp_path: Path
) -> None:
    flac = media.make_flac(tmp_path / "twice.flac", seconds=2.7)
    first = admin.ended(admin.upload(flac, kind="audio", filetype="audio/flac"))
    admin.asset_in(first["asset_id"], "ready")
    again = admin.upload(flac, kind="audio", filetype="audio/flac")
    status = eventually(
        lambda: admin.upload_status(again.upload_id),
        lambda seen: seen["state"] == "duplicate",
        within=30,
        saying="the second upload should end as a duplicate",
    )
    assert status["duplicate_of"] == first["asset_id"]
