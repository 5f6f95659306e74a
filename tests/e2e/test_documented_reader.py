"""The reader that the documents show is run as it stands there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.e2e.client import Reprise

from devstack import media
from devstack.repository import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

_UNTIL_STORED = """
await follow(process.env.ORIGIN, () => process.env.TOKEN, (event, data) => {
  console.log(event, data.state ?? "");
  if (event === "upload" && data.state === "stored") process.exit(0);
});
"""


def test_the_documented_reader_hears_an_upload_to_its_end(admin: Reprise, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "upload-status.md").read_text()
    found = re.search(r"```js\n(.*?)```", page, re.DOTALL)
    assert found is not None
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    with subprocess.Popen(
        [shutil.which("node") or "node", "--input-type=module", "-e", found[1] + _UNTIL_STORED],
        env={"ORIGIN": admin.origin, "TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        try:
            assert reader.stdout is not None
            assert reader.stdout.readline().startswith("snapshot")
            photo = media.make_jpeg(tmp_path / "read.jpg", width=643, height=401)
            admin.upload(photo, kind="image", filetype="image/jpeg")
            heard = reader.stdout.read()
            assert reader.wait(30) == 0
        finally:
            reader.kill()
    assert [line for line in heard.splitlines() if line.startswith("upload")] == [
        "upload created",
        "upload receiving",
        "upload verifying",
        "upload stored",
    ]
