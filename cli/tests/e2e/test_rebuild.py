"""Projections rebuilt from the living system's log equal the live ones and take their place."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.client import Reprise

from devstack import media
from devstack.history.of_stack import wait_until_quiet
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

COMMAND = "from reprise_cli.main import main; main()"


def reprise(stack: Stack, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words, "--json"],
        env={
            **stack.environment("setup"),
            "REPRISE_DELIVERY_DIR": stack.environment("delivery")["REPRISE_DELIVERY_DIR"],
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def uploaded(client: Reprise, path: Path) -> str:
    upload = client.upload(path, kind="audio", filetype="audio/flac")
    asset_id: str = client.ended(upload)["asset_id"]
    client.finished(asset_id)
    return asset_id


def test_rebuilt_projections_equal_the_live_ones_and_the_system_goes_on_with_them(
    stack: Stack, tmp_path: Path
) -> None:
    client = Reprise(stack.env["REPRISE_URL"], stack.env["REPRISE_ADMIN_TOKEN"])
    try:
        kept = uploaded(client, media.make_flac(tmp_path / "kept.flac", seconds=1.93))
        gone = uploaded(client, media.make_flac(tmp_path / "gone.flac", seconds=1.61))
        assert client.http.delete(f"/api/v1/admin/assets/{gone}").is_success
        client.asset_in(gone, "deleted", "purging", "purged")
        wait_until_quiet(stack, within=120)

        index = reprise(stack, "rebuild", "delivery-index", "--yes")
        assert index["swapped_by"] == "the running delivery"
        assert index["comparison"]["live_digest"] == index["comparison"]["rebuilt_digest"]
        ledger = reprise(stack, "rebuild", "janitor-ledger", "--yes")
        differing = {k: n for k, n in ledger["differences"].items() if n and k != "rows"}
        assert differing == {}
        assert ledger["swapped"]["queued"] == 0

        assert client.link(kept, "original")["url"]
        assert client.http.delete(f"/api/v1/admin/assets/{kept}").is_success
        client.asset_in(kept, "deleted", "purging", "purged")
    finally:
        client.close()
