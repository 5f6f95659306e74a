"""Nothing that the system writes can be read without a signature."""

from pathlib import Path

import httpx
import pytest
from tests.e2e.client import Reprise
from tests.e2e.store import list_keys

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.mark.req("SEC-15")
def test_every_key_is_refused_to_who_does_not_sign(
    stack: Stack, admin: Reprise, tmp_path: Path
) -> None:
    jpeg = media.make_jpeg(tmp_path / "private.jpg", width=903, height=601)
    upload = admin.upload(jpeg, kind="image", filetype="image/jpeg")
    admin.finished(admin.ended(upload)["asset_id"])
    environment = stack.environment("setup")
    keys = list_keys(environment, "")
    assert len(keys) >= 2
    for key in keys:
        url = f"{environment['MEDIA_S3_ENDPOINT']}/{environment['MEDIA_ASSETS_BUCKET']}/{key}"
        assert httpx.get(url).status_code == 403
