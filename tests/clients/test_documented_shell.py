"""The lines for curl that the documents show are run as they stand there."""

import hashlib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.clients.foreign import MIB, PATIENCE, sound_file
from tests.clients.programs import program
from tests.clients.store import stored_sha256
from tests.e2e.client import Reprise, eventually

from devstack.repository import ROOT
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(240)]
SIZE = 17 * MIB + 5  # three parts


def test_curl_takes_a_file_past_the_gateway_whole_and_in_parts(
    system: Stack, examined: dict[str, bool], tmp_path: Path
) -> None:
    assert examined["digested_put"]
    for needed in ("curl", "jq"):
        program(needed, needed)
    page = (ROOT / "docs" / "uploading-without-tus.md").read_text()
    lines = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    sent = hashlib.sha256(sound_file(tmp_path, "set", SIZE).read_bytes()).hexdigest()
    origin, token = system.env["REPRISE_URL"], system.env["REPRISE_ADMIN_TOKEN"]
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "".join(lines)],
        env={"PATH": "/usr/bin:/bin", "ORIGIN": origin, "TOKEN": token},
        cwd=tmp_path,
        timeout=PATIENCE,
        check=True,
    )
    caller = Reprise(origin, token)
    try:
        uploads = eventually(
            lambda: _uploads(caller),
            lambda found: {upload["state"] for upload in found} == {"stored"},
            within=PATIENCE,
            saying="both should be stored",
        )
    finally:
        caller.close()
    assert {upload["mode"] for upload in uploads} == {"put", "multipart"}
    for upload in uploads:
        assert stored_sha256(system.env, f"u/{upload['asset_id']}/original-") == sent


def _uploads(caller: Reprise) -> list[dict[str, Any]]:
    items = caller.http.get("/api/v1/uploads", params={"limit": 100}).json()["items"]
    return [item for item in items if item["length"] == SIZE]
