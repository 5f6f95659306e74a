"""Delete kills the URL, restore brings a new one, after the grace it is gone for good."""

from pathlib import Path

import httpx
import pytest
from tests.e2e.client import Reprise, eventually, fetch
from tests.e2e.kafka_log import records_of
from tests.e2e.store import list_keys

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]


def a_ready_asset(admin: Reprise, path: Path) -> str:
    status = admin.ended(admin.upload(path, kind="audio", filetype="audio/flac"))
    admin.finished(status["asset_id"])
    asset_id: str = status["asset_id"]
    return asset_id


def status_of(url: str, origin: str) -> httpx.Response:
    return fetch(url, origin=origin, byte_range="0-9")


def test_delete_kills_the_url_and_restore_brings_a_new_one(admin: Reprise, tmp_path: Path) -> None:
    asset_id = a_ready_asset(admin, media.make_flac(tmp_path / "kept.flac", seconds=3))
    old = admin.link(asset_id, "original")["url"]
    assert status_of(old, admin.origin).status_code == 206
    assert admin.http.delete(f"/api/v1/admin/assets/{asset_id}").status_code in {200, 202, 204}
    gone = eventually(
        lambda: status_of(old, admin.origin),
        lambda answer: answer.status_code == 410,
        within=20,
        saying="the URL should be dead",
    )
    assert gone.headers["content-type"].startswith("application/problem+json")
    restored = admin.http.post(f"/api/v1/admin/assets/{asset_id}/restore")
    assert restored.status_code == 200, restored.text
    new = admin.link(asset_id, "original")["url"]
    assert status_of(new, admin.origin).status_code == 206
    assert status_of(old, admin.origin).status_code == 410


def test_after_the_grace_the_bytes_are_gone_and_the_url_stays_dead(
    admin: Reprise, stack: Stack, tmp_path: Path
) -> None:
    asset_id = a_ready_asset(admin, media.make_flac(tmp_path / "gone.flac", seconds=4))
    url = admin.link(asset_id, "original")["url"]
    keys = objects_of(stack, asset_id)
    assert len(keys) >= 3
    assert admin.http.delete(f"/api/v1/admin/assets/{asset_id}").status_code in {200, 202, 204}
    eventually(
        lambda: objects_of(stack, asset_id),
        lambda left: not left,
        within=60,
        saying="every object of the asset should be deleted",
    )
    assert status_of(url, admin.origin).status_code == 410
    eventually(
        lambda: admin.http.post(f"/api/v1/admin/assets/{asset_id}/restore").status_code,
        lambda code: code == 410,
        within=20,
        saying="a purged asset cannot be restored",
    )
    proof = eventually(
        lambda: purged_keys(stack, asset_id),
        lambda found: found >= set(keys),
        within=10,
        saying="the janitor should remember every deleted key",
    )
    assert all(key.startswith(f"u/{asset_id}/") for key in proof)
    for producer in ("upload-gateway", "transcoder"):
        name_is_forgotten(stack, f"{producer}/{asset_id}")


def objects_of(stack: Stack, asset_id: str) -> list[str]:
    """What the store itself lists, asked with the operator's own keys."""
    return list_keys(stack.env, f"u/{asset_id}/")


def purged_keys(stack: Stack, asset_id: str) -> set[str]:
    """What the janitor remembers, from its operator route on its internal port."""
    port = stack.env["REPRISE_PORT_JANITOR"]
    answer = httpx.get(
        f"http://127.0.0.1:{port}/api/v1/ops/objects", params={"asset_id": asset_id}, timeout=5
    )
    assert answer.status_code == 200, answer.text
    return {item["key"] for item in answer.json()["items"] if item["state"] == "purged"}


def name_is_forgotten(stack: Stack, key: str) -> None:
    """A reader of the compacted details topic ends with a tombstone for this key."""
    bootstrap = stack.env["REPRISE_KAFKA_BOOTSTRAP"]
    eventually(
        lambda: records_of(bootstrap, key, ["media.details.v1"])[-1].value,
        lambda value: value is None,
        within=20,
        saying=f"{key} should be tombstoned",
    )
