"""What owners of uploads are told through the edge: up to `ready`, or how it ended otherwise."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from tests.e2e.client import Reprise, eventually, upload_at
from tests.e2e.events import listening
from tests.e2e.store import list_keys

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]


@pytest.mark.req("UPL-16")
def test_an_upload_is_answered_before_anything_is_made_of_it_and_becomes_ready_by_events(
    admin: Reprise, tmp_path: Path
) -> None:
    photo = media.make_jpeg(tmp_path / "told.jpg", width=1210, height=807)
    with listening(admin) as events:
        assert next(events)[0] == "snapshot"
        upload = admin.upload(photo, kind="image", filetype="image/jpeg")
        answered = admin.upload_status(upload.upload_id)
        assert answered["state"] in {"verifying", "stored"}
        assert (answered["asset"] or {"ready_at": None})["ready_at"] is None
        own = (
            (name, data)
            for name, data in events
            if name != "progress" and data.get("upload_id") == upload.upload_id
        )
        heard = []
        for name, data in own:
            heard.append((name, data))
            counted = data.get("renditions")
            if counted and counted["planned"] and counted["ready"] == counted["planned"]:
                break
    uploads = [data["state"] for name, data in heard if name == "upload"]
    assert uploads == ["created", "receiving", "verifying", "stored"]
    counts = [data["renditions"]["ready"] for name, data in heard if name == "asset"]
    assert counts == sorted(counts)
    status = eventually(
        lambda: admin.upload_status(upload.upload_id),
        lambda status: (status["asset"] or {}).get("state") == "ready",
        within=30,
        saying="the status should become ready",
    )
    assert status["state"] == "stored"
    assert status["receipt"]
    assert status["bytes"] == status["total"] == photo.stat().st_size
    assert status["asset"]["ready_at"] > status["stored_at"]
    assert status["asset"]["renditions"]["failed"] == 0
    told = [(step["about"], step["state"]) for step in status["timeline"]]
    assert told[:4] == [("upload", state) for state in uploads]
    assert ("asset", "ready") in told


@pytest.mark.req("UPL-13")
def test_an_owner_polls_state_bytes_total_and_reason_and_nobody_else_does(
    admin: Reprise, listener: Reprise
) -> None:
    begun = admin.create(12, filename="words.flac", filetype="audio/flac", kind="audio")
    upload = upload_at(begun.headers["location"])
    status = admin.upload_status(upload.upload_id)
    assert (status["state"], status["bytes"], status["total"]) == ("created", 0, 12)
    assert status["reason"] is None
    body = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    admin.http.patch(upload.location, headers=body | {"Upload-Offset": "0"}, content=b"not a ")
    assert admin.upload_status(upload.upload_id)["bytes"] == 6
    admin.http.patch(upload.location, headers=body | {"Upload-Offset": "6"}, content=b"flac.\n")
    ended = admin.ended(upload)
    assert (ended["state"], ended["reason"]) == ("rejected", "unrecognized_content")
    assert ended["timeline"][-1]["reason"] == "unrecognized_content"
    found = admin.http.get("/api/v1/uploads", params={"state": "rejected"}).json()["items"]
    assert upload.upload_id in {one["upload_id"] for one in found}
    assert {one["state"] for one in found} == {"rejected"}
    for path in (f"/api/v1/uploads/{upload.upload_id}", f"/api/v1/uploads/{'0' * 8}"):
        assert listener.http.get(path).status_code == 404


@pytest.mark.req("CAT-25")
def test_an_upload_past_its_time_expires_its_asset_is_abandoned_and_its_bytes_are_gone(
    admin: Reprise, stack: Stack
) -> None:
    begun = admin.create(1000, filename="late.flac", filetype="audio/flac", kind="audio")
    upload = upload_at(begun.headers["location"])
    body = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    admin.http.patch(upload.location, headers=body | {"Upload-Offset": "0"}, content=b"fLaC" * 100)
    staged = f"staging/{upload.upload_id}/"
    assert list_keys(stack.env, staged)
    asset_id = admin.upload_status(upload.upload_id)["asset_id"]
    asyncio.run(move_the_clock_past_it(stack, upload.upload_id))
    status = eventually(
        lambda: admin.upload_status(upload.upload_id),
        lambda status: status["state"] == "expired",
        within=30,
        saying="the upload should expire",
    )
    assert status["timeline"][-1]["state"] == "expired"
    asset = eventually(
        lambda: admin.http.get(f"/api/v1/admin/assets/{asset_id}").json(),
        lambda asset: asset.get("state") == "abandoned",
        within=30,
        saying="the asset should be abandoned",
    )
    assert asset["reason"] == "expired"
    eventually(
        lambda: list_keys(stack.env, staged) + list_keys(stack.env, f"u/{asset_id}/"),
        lambda keys: not keys,
        within=30,
        saying="its bytes should be gone",
    )
    assert admin.http.head(upload.location, headers={"Tus-Resumable": "1.0.0"}).status_code == 410


async def move_the_clock_past_it(stack: Stack, upload_id: str) -> None:
    """The same distance between now and the end, seen from the row."""
    connection = await asyncpg.connect(
        stack.env["REPRISE_POSTGRES_ADMIN_URL"], timeout=10, command_timeout=10
    )
    try:
        await connection.execute(
            "UPDATE upload_gateway.upload SET expires_at = expires_at - interval '8 days'"
            " WHERE id = $1",
            upload_id,
        )
    finally:
        await connection.close()
