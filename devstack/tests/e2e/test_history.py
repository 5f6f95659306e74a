"""The checker at the real system: what real uploads leave behind is sound, and a lie is found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.client import Reprise

from devstack import media
from devstack.history.acks import Acks
from devstack.history.of_stack import check_stack, wait_until_quiet
from devstack.repository import ROOT
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture
def acks(tmp_path: Path) -> Path:
    return tmp_path / "acks.jsonl"


def upload_and_delete(stack: Stack, told: Acks, folder: Path) -> None:
    client = Reprise(stack.env["REPRISE_URL"], stack.env["REPRISE_ADMIN_TOKEN"])
    try:
        flac = media.make_flac(folder / "history.flac", seconds=2.31)
        for _ in range(2):  # the second time it is a duplicate
            upload = client.upload(flac, kind="audio", filetype="audio/flac")
            told.record("upload.created", upload_id=upload.upload_id)
            asset_id = client.ended(upload)["asset_id"]
            told.record("upload.stored", upload_id=upload.upload_id, asset_id=asset_id)
        short = media.make_flac(folder / "deleted.flac", seconds=1.37)
        upload = client.upload(short, kind="audio", filetype="audio/flac")
        asset_id = client.ended(upload)["asset_id"]
        client.asset_in(asset_id, "ready")
        assert client.http.delete(f"/api/v1/admin/assets/{asset_id}").is_success
        told.record("asset.deleted", asset_id=asset_id)
    finally:
        client.close()


def test_what_the_system_leaves_behind_is_sound_and_a_broken_promise_is_found(
    stack: Stack, acks: Path, tmp_path: Path
) -> None:
    told = Acks(acks)
    upload_and_delete(stack, told, tmp_path)
    wait_until_quiet(stack, within=120)
    assert [one for one in check_stack(stack, acks) if one.kind != "unknown_record"] == []

    told.record("upload.stored", upload_id="never-existed", asset_id="nor-this")
    words = ("check", "--home", str(stack.home), "--acks", str(acks), "--json")
    done = subprocess.run(
        [sys.executable, "-m", "devstack.history", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    lost = [one for one in json.loads(done.stdout) if one["kind"] == "lost"]
    assert [one["detail"].split(":")[0] for one in lost] == ["upload never-existed"]
